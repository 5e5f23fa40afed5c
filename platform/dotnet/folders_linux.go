package dotnet

// keepsFolders says that .NET keeps its store in folders on this system.
const keepsFolders = true

var errNoFolders error // never returned here
