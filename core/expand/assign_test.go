package expand

import "testing"

func TestAssignment(t *testing.T) {
	for _, row := range []struct {
		in, name, value string
		ok              bool
	}{
		{"a=b", "a", "b", true},
		{" a = b", "a", " b", true},
		{"a=b=c,d", "a", "b=c,d", true},
		{"a,b", "a", "b", true},
		{"a", "a", "", true},
		{"a=", "a", "", true},
		{"=b", "", "b", false},
		{"", "", "", false},
	} {
		name, value, ok := Assignment(row.in)
		if name != row.name || value != row.value || ok != row.ok {
			t.Errorf("Assignment(%q) = %q, %q, %v", row.in, name, value, ok)
		}
	}
}

func TestExportAssignment(t *testing.T) {
	for _, row := range []struct {
		in, name, value string
		local           bool
	}{
		{"a=b", "a", "b", true},
		{"nolocal:a=b", "a", "b", false},
		{"_nolocal_a=b", "a", "b", false},
	} {
		name, value, local, ok := ExportAssignment(row.in)
		if name != row.name || value != row.value || local != row.local || !ok {
			t.Errorf("ExportAssignment(%q) = %q, %q, %v, %v", row.in, name, value, local, ok)
		}
	}
}
