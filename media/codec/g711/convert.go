package g711

// ULawToALaw converts µ-law bytes to A-law and returns their number, the
// lesser of both lengths. dst and src may be the same slice. The values are
// those of G.711 table 3; a way over linear samples would give other ones where
// two codes are almost equally near.
func ULawToALaw(dst, src []byte) int {
	return convert(dst, src, &ulawToALaw)
}

// ALawToULaw converts A-law bytes to µ-law, as ULawToALaw does, by G.711
// table 4.
func ALawToULaw(dst, src []byte) int {
	return convert(dst, src, &alawToULaw)
}

func convert(dst, src []byte, table *[256]byte) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, c := range src {
		dst[i] = table[c]
	}
	return n
}

var (
	ulawToALaw = makeConversion(&ulawToALawNumber, SilenceULaw, SilenceALaw)
	alawToULaw = makeConversion(&alawToULawNumber, SilenceALaw, SilenceULaw)
)

// makeConversion spreads a table of value numbers over both signs. Value
// numbers count away from zero; a code is the number XORed into the code of
// the smallest value, in both laws.
func makeConversion(number *[128]byte, fromZero, toZero byte) (table [256]byte) {
	for i, n := range number {
		for _, sign := range []byte{0, signBit} {
			table[byte(i)^fromZero^sign] = n ^ toZero ^ sign
		}
	}
	return table
}

// ulawToALawNumber is G.711 table 3, counted from 0.
var ulawToALawNumber = [128]byte{
	0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7,
	8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	24, 26, 28, 30, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
	45, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
	63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78,
	79, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95,
	96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111,
	112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127,
}

// alawToULawNumber is G.711 table 4, counted from 0 on both sides (the
// Recommendation numbers the µ-law side of this table from 0 as well).
var alawToULawNumber = [128]byte{
	1, 3, 5, 7, 9, 11, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	24, 25, 26, 27, 28, 29, 30, 31, 32, 32, 33, 33, 34, 34, 35, 35,
	36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 48, 49, 49,
	50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 64,
	65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80,
	80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95,
	96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111,
	112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127,
}
