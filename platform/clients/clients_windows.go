package clients

// programSuffix: what else PATHEXT names is not a program but for a shell to run.
const programSuffix = ".exe"

// systemKinds are the clients of Windows.
func systemKinds() []kind { return nil }
