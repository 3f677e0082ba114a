package registrar

import (
	"fmt"
	"testing"
)

// BenchmarkRefresh is a REGISTER of one of 10,000 phones, as it comes all day.
func BenchmarkRefresh(b *testing.B) {
	g := New(Config{Dial: func(Binding) string { return "" }})
	const phones = 10_000
	users := make([]string, phones)
	for i := range users {
		users[i] = fmt.Sprint(i)
	}
	b.ReportAllocs()
	n := uint32(0)
	for b.Loop() {
		r := reg("c", n/phones+1, at(uriA))
		r.AOR.User = users[n%phones]
		if _, err := g.Register(r); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
