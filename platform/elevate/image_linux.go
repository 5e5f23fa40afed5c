package elevate

// image is the path of this program's own image, whatever has become of the
// program's own path since.
func image() (string, error) { return "/proc/self/exe", nil }

// maxGroups is how many groups a process may have (NGROUPS_MAX in setgroups(2)).
const maxGroups = 65536
