package httpsys

import "devcert/devcert"

// parameters is where HTTP.sys keeps its bindings, reservations and settings.
const parameters = `HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters`

// Spots are the keys of HTTP.sys.
func (b *Binder) Spots() []devcert.Spot { return []devcert.Spot{{Path: parameters, Key: true}} }

// Forget has the next look go to HTTP.sys itself.
func (b *Binder) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = nil
}
