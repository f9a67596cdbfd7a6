-- From version 3 to 4: the number of a deleted expert is never given again.  With foreign keys off, or DROP would take the
-- vectors along.
CREATE TABLE expert_4 (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	task TEXT NOT NULL DEFAULT '',
	method TEXT NOT NULL DEFAULT 'svf',
	scale TEXT NOT NULL DEFAULT 'plain',
	modules TEXT NOT NULL DEFAULT 'all',
	parameters INTEGER NOT NULL,
	base_accuracy REAL,
	accuracy REAL,
	accuracy_n INTEGER NOT NULL DEFAULT 0,
	run INTEGER REFERENCES run(id) ON DELETE SET NULL,
	dispatch INTEGER NOT NULL DEFAULT 0,
	shipped INTEGER NOT NULL DEFAULT 0,
	created REAL NOT NULL,
	UNIQUE (model, name)
) STRICT;
INSERT INTO expert_4 SELECT * FROM expert;
DROP TABLE expert;
ALTER TABLE expert_4 RENAME TO expert;
