// Package watch tells when something changes where trust is kept: files and
// folders by what the system says of them, keys of Windows' registry likewise,
// and by comparing them every minute where the system cannot say.
//
// It reads names, sizes and times, never what is in a file; it changes nothing,
// and makes nothing that it could watch. What a change means is for others.
package watch
