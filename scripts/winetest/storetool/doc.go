// Storetool is how the tests under Wine break, and look into, the certificate
// stores that devcert keeps. It is a program for Windows; elsewhere it is empty.
//
//	storetool list                      every store's certificates, and its revocation lists, as JSON
//	storetool iis-express [DAYS]        IIS Express's own certificate, with its key, into LocalMachine\My
//	storetool rival                     a newer development certificate into CurrentUser\My
//	storetool foreign-ca                somebody's CA that is not self-signed into LocalMachine\Root
//	storetool delete STORE THUMBPRINT [key]
//	storetool delete-list STORE THUMBPRINT
//	storetool drop-key STORE THUMBPRINT  its key is gone, the certificate stays
//	storetool other-key STORE THUMBPRINT another key lies where its key was
//	storetool copy STORE THUMBPRINT TO
//	storetool add STORE FILE             the certificate of a PEM file
//	storetool shut STORE                 nobody may open it
//	storetool open STORE                 everybody may
//
// What it makes it names by its thumbprint on standard output.
package main
