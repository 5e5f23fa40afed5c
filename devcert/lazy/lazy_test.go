package lazy

import "testing"

// A regular expression that does not compile must not stop programs that do not use
// it, and is one and the same for all that do.
func TestRegexp(t *testing.T) {
	late := Regexp("^a+$")
	if !late().MatchString("aa") || late().MatchString("b") {
		t.Error("it does not match what it should")
	}
	if first, second := late(), late(); first != second {
		t.Error("it is compiled at each use")
	}
	wrong := Regexp("(")
	defer func() {
		if recover() == nil {
			t.Error("one that is wrong does not panic when it is used")
		}
	}()
	wrong()
}
