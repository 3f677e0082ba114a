package pattern

// tree is an expression as the parser reads it.
type tree struct {
	kind     kind
	set      class   // kindSet
	subs     []*tree // of kindSeq, kindAlt; one of the others that hold something
	min, max int     // kindRepeat; max -1: no limit
	mode     mode    // kindRepeat
	group    int     // kindGroup, kindBackref, kindRecurse, kindCondition
	name     string  // of a group that is looked up when all groups are known
	fold     bool    // kindBackref
	negative bool    // kindLook
	behind   bool    // kindLook
	pos      int     // for errors that are found later
}

type kind uint8

const (
	kindEmpty kind = iota
	kindSet
	kindSeq
	kindAlt
	kindRepeat
	kindGroup // captures
	kindAtomic
	kindLook
	kindBackref
	kindRecurse
	kindCondition // subs: yes, no; or look-around, yes, no with group -1
	kindKeep      // \K
	kindTextStart // \A, ^
	kindTextEnd   // \z
	kindFinalEnd  // \Z, $
	kindLineStart // ^ with m
	kindLineEnd   // $ with m
	kindWordEdge
	kindNotWordEdge
)

type mode uint8

const (
	greedy mode = iota
	lazy
	possessive
)

func sequence(subs ...*tree) *tree {
	if len(subs) == 1 {
		return subs[0]
	}
	return &tree{kind: kindSeq, subs: subs}
}

// unlimited stands for the length of what may be longer than look-behind allows.
const unlimited = 1 << 20

// width is the least and the greatest number of bytes that t matches.
func (t *tree) width() (least, most int) {
	switch t.kind {
	case kindSet:
		return 1, 1
	case kindSeq:
		for _, s := range t.subs {
			l, m := s.width()
			least, most = least+l, min(most+m, unlimited)
		}
		return least, most
	case kindAlt:
		least = unlimited
		for _, s := range t.subs {
			l, m := s.width()
			least, most = min(least, l), max(most, m)
		}
		return least, most
	case kindRepeat:
		l, m := t.subs[0].width()
		if t.max < 0 {
			return min(l*t.min, unlimited), unlimited
		}
		return min(l*t.min, unlimited), min(m*t.max, unlimited)
	case kindGroup, kindAtomic:
		return t.subs[0].width()
	case kindBackref, kindRecurse, kindCondition:
		return 0, unlimited
	default:
		return 0, 0
	}
}
