package digest

import "testing"

func BenchmarkVerify(b *testing.B) {
	s, err := NewServer(ServerConfig{Realm: testRealm})
	if err != nil {
		b.Fatal(err)
	}
	c := NewClient(Account{Username: "1000", Secret: A1{Password: "correct horse"}})
	if err := c.Challenged(false, s.Challenge(testNow, testSource, false), nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		r := register(c)
		b.StartTimer()
		if _, err := s.Verify(testNow, r, directory); err != nil {
			b.Fatal(err)
		}
	}
}
