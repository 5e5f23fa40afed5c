package keychain

import (
	"context"
	"fmt"
	"slices"

	"howett.net/plist"
)

// Asks says whether macOS would ask a person before the trust settings of a domain
// change, by the rule that it has for that. asRoot says that root would change them.
// Where the rule cannot be understood, it would.
func (t Tool) Asks(ctx context.Context, d Domain, asRoot bool) (bool, error) {
	out, err := t.do(ctx, looking, "authorizationdb", "read", "com.apple.trust-settings."+string(d))
	if err != nil {
		return true, err
	}
	return asks(out, asRoot)
}

// rule is one of the authorization database (authorization.plist in Security).
type rule struct {
	Class     string   `plist:"class"`
	Rules     []string `plist:"rule"`
	Enough    any      `plist:"k-of-n"`
	AllowRoot bool     `plist:"allow-root"`
}

// asks knows the few forms that let somebody through unasked: "allow", in itself or
// as the rule that is pointed at, which is how administrators and the builders of
// machines without a screen write it; and root's own, as macOS 10 had it.
func asks(data []byte, asRoot bool) (bool, error) {
	var r rule
	if _, err := plist.Unmarshal(data, &r); err != nil {
		return true, fmt.Errorf("rule of the authorization database: %w", err)
	}
	if asRoot && r.AllowRoot && r.Class == "user" {
		return false, nil
	}
	switch r.Class {
	case "allow":
		return false, nil
	case "rule":
		free := func(name string) bool { return name == "allow" || asRoot && name == "is-root" }
		enough, some := number(r.Enough)
		unasked := some && enough == 1 && slices.ContainsFunc(r.Rules, free) || len(r.Rules) == 1 && free(r.Rules[0])
		return !unasked, nil
	}
	return true, nil
}
