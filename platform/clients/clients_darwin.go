package clients

const programSuffix = ""

// systemKinds are the clients of macOS.
func systemKinds() []kind { return nil }
