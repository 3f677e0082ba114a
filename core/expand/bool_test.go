package expand

import "testing"

func TestIsTrue(t *testing.T) {
	for _, v := range []string{"yes", "ON", "True", "t", "enabled", "active", "allow", "1", "-1", "20"} {
		if !IsTrue(v) {
			t.Errorf("IsTrue(%q) = false", v)
		}
	}
	for _, v := range []string{"", "no", "false", "off", "0", "0.0", "truely", " true"} {
		if IsTrue(v) {
			t.Errorf("IsTrue(%q) = true", v)
		}
	}
}
