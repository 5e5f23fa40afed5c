// Package iis sees what IIS, IIS Express, HTTP.sys and Schannel do with client
// certificates on this machine: the configuration of the sites, the registry, the
// machine's certificate stores, the settings by which browsers never ask, and the
// logs that somebody gives it.
//
// It only looks. It changes nothing, starts nothing, asks nobody, and judges
// nothing: what is wrong is for devcert to say. Of configurations it reads what it
// names and never the users, passwords and connection strings beside that; of logs
// only the statuses and their times. Files have limits, and what is over them or is
// malformed is said and not guessed at. What may not be read is unseen, never
// absent.
//
// Solutions' configurations are looked for above and below the folder that devcert
// is started in, within limits and never through links. Of web.config files it reads
// those at the physical paths of sites, applications and virtual directories on this
// machine, as far as applicationHost.config unlocks their sections; not those in
// folders below, nor files that configSource or redirection.config name.
//
// Reading files works on every system. The registry and the stores are read on
// Windows only; the tests do that under Wine, which has no IIS: that the files look
// as Microsoft documents them is not proven here.
package iis
