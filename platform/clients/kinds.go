package clients

import "devcert/devcert"

// curl needs the user's settings copied, which stand elsewhere on each system.
// --noproxy keeps those from leading it away, and --connect-to spares it from
// looking the name up.
func curl(find func(*searcher) []devcert.Client) kind {
	return kind{name: "curl", find: find, version: []string{"--version"}, ask: func(q *question) (call, error) {
		args := []string{"--silent", "--show-error", "--fail", "--noproxy", "*"}
		if !q.direct {
			args = append(args, "--connect-to", q.authority()+":"+q.address())
		}
		return call{args: append(args, q.url())}, nil
	}}
}

// git asks for the branches of a repository that has none. What is set for the
// very URL goes before what the user has set for others; nobody is asked for a
// password.
func git(find func(*searcher) []devcert.Client) kind {
	return kind{name: "git", find: find, version: []string{"--version"}, ask: func(q *question) (call, error) {
		if err := q.copy(".gitconfig*", ".config/git/*"); err != nil {
			return call{}, err
		}
		return call{
			args: []string{
				"-c", "http." + q.url() + ".proxy=" + q.proxy(), "-c", "credential.helper=",
				"-c", "http.followRedirects=false", "ls-remote", q.url(),
			},
			env: []string{"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_OPTIONAL_LOCKS=0"},
		}, nil
	}}
}
