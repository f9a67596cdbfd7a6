-- From version 1 to 2: benchmarks are kept.
CREATE TABLE benchmark (
	id INTEGER PRIMARY KEY,
	created REAL NOT NULL,
	model TEXT NOT NULL,
	machine TEXT NOT NULL,
	kernels TEXT NOT NULL,
	threads INTEGER NOT NULL,
	layers INTEGER NOT NULL
) STRICT;
CREATE TABLE benchmark_figure (
	benchmark INTEGER NOT NULL REFERENCES benchmark(id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	name TEXT NOT NULL,
	unit TEXT NOT NULL,
	value REAL NOT NULL,
	"limit" REAL NOT NULL,
	ratio REAL NOT NULL,
	low REAL NOT NULL,
	high REAL NOT NULL,
	repeats INTEGER NOT NULL,
	work REAL NOT NULL,
	detail TEXT NOT NULL,
	PRIMARY KEY (benchmark, position)
) STRICT, WITHOUT ROWID;
