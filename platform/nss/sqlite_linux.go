package nss

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// tablesWithRows are the tables of an SQLite database that have any row, by name,
// also where only the beginning of its description is on the page. A row that was
// removed is none, though its bytes may still be in the file. NSS's tools list
// certificates and keys of pairs, and not the secret keys that a browser may keep
// there: so the tables are asked (sqlite.org/fileformat2.html, 1.3, 1.6, 2.1 and 2.6).
func tablesWithRows(data []byte) (map[string]bool, error) {
	if len(data) < 100 || !bytes.HasPrefix(data, sqliteMagic) {
		return nil, &layoutError{"it is not an SQLite database"}
	}
	size := int(binary.BigEndian.Uint16(data[16:]))
	if size == 1 {
		size = 64 << 10
	}
	if size < 512 {
		return nil, &layoutError{"its pages have no size"}
	}
	f := sqliteFile{data: data, size: size, left: len(data)/size + 1}
	all := make(map[string]bool)
	err := f.rows(1, func(row []byte) error {
		kind, name, root, err := describes(row)
		if err != nil || kind != "table" {
			return err
		}
		_, cells, err := f.page(root)
		if err != nil {
			return err
		}
		all[name] = cells.kind != leafTable || cells.count > 0
		return nil
	})
	return all, err
}

// layoutError is a database that is not laid out as the format says.
type layoutError struct{ what string }

func (e *layoutError) Error() string { return "read the tables of the database: " + e.what }

type sqliteFile struct {
	data []byte
	size int
	left int // pages that may yet be read: those of a sound tree are read once
}

// The kinds of pages of a table.
const (
	innerTable = 0x05
	leafTable  = 0x0d
)

// cells says what a page has, and where the list of its cells begins.
type cells struct {
	kind  byte
	count int
	list  int
}

// page returns one page, counted from 1, on which the first has the file's header.
func (f *sqliteFile) page(number int) ([]byte, cells, error) {
	if f.left--; number < 1 || number > len(f.data)/f.size || f.left < 0 {
		return nil, cells{}, &layoutError{fmt.Sprintf("there is no page %d", number)}
	}
	page, head := f.data[(number-1)*f.size:number*f.size], 0
	if number == 1 {
		head = 100
	}
	c := cells{kind: page[head], count: int(binary.BigEndian.Uint16(page[head+3:])), list: head + 8}
	if c.kind == innerTable {
		c.list += 4
	}
	if c.list+2*c.count > len(page) {
		return nil, cells{}, &layoutError{fmt.Sprintf("page %d has no room for its cells", number)}
	}
	return page, c, nil
}

// rows visits the beginning of every row of a table, as far as it is on its page.
func (f *sqliteFile) rows(number int, visit func(row []byte) error) error {
	page, c, err := f.page(number)
	if err != nil {
		return err
	}
	if c.kind != leafTable && c.kind != innerTable {
		return &layoutError{fmt.Sprintf("page %d is of no table", number)}
	}
	for i := range c.count {
		cell := int(binary.BigEndian.Uint16(page[c.list+2*i:]))
		if cell+4 > len(page) {
			return &layoutError{fmt.Sprintf("a cell of page %d is not on it", number)}
		}
		if c.kind == innerTable {
			err = f.rows(int(binary.BigEndian.Uint32(page[cell:])), visit)
		} else {
			row := reader{rest: page[cell:]}
			row.number() // its length
			row.number() // its id
			err = visit(row.rest)
		}
		if err != nil {
			return err
		}
	}
	if c.kind == innerTable {
		return f.rows(int(binary.BigEndian.Uint32(page[c.list-4:])), visit)
	}
	return nil
}

// describes reads a row of the schema: type, name, tbl_name, rootpage, and the
// statement that made it, which may go on elsewhere.
func describes(row []byte) (kind, name string, root int, err error) {
	head := reader{rest: row}
	length := head.number()
	types := [4]uint64{head.number(), head.number(), head.number(), head.number()}
	if length > uint64(len(row)) {
		return "", "", 0, &layoutError{"a row of its schema is cut"}
	}
	values := reader{rest: row[length:], cut: head.cut}
	kind, name = values.text(types[0]), values.text(types[1])
	values.text(types[2])
	root = values.integer(types[3])
	if values.cut {
		return "", "", 0, &layoutError{"a row of its schema is cut"}
	}
	return kind, name, root, nil
}

// reader reads values one after the other. After cut they mean nothing.
type reader struct {
	rest []byte
	cut  bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.rest, r.cut = nil, true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// number is a varint: seven bits a byte, the highest first, and eight of the ninth.
func (r *reader) number() uint64 {
	var n uint64
	for i := range 9 {
		b := r.take(1)
		switch {
		case b == nil:
			return 0
		case i == 8:
			return n<<8 | uint64(b[0])
		}
		n = n<<7 | uint64(b[0]&0x7f)
		if b[0] < 0x80 {
			break
		}
	}
	return n
}

// text is a value of a serial type that is a text; "" of another.
func (r *reader) text(kind uint64) string {
	if kind < 13 || kind%2 == 0 {
		r.cut = true
		return ""
	}
	return string(r.take((kind - 13) / 2))
}

// integer is one of at most four bytes, as the number of a page is; 0, of which
// there is no page, for a view.
func (r *reader) integer(kind uint64) int {
	switch {
	case kind == 8, kind == 0:
		return 0
	case kind == 9:
		return 1
	case kind > 4:
		r.cut = true
		return 0
	}
	n := 0
	for _, b := range r.take(kind) {
		n = n<<8 | int(b)
	}
	return n
}
