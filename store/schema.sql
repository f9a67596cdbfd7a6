-- t2tui's store, version 5.  t2tui-store(7) describes every column.
-- Times are Unix seconds (real), vectors little-endian float32 blobs, settings and maps JSON text.
CREATE TABLE model (
	id INTEGER PRIMARY KEY,
	fingerprint TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	path TEXT NOT NULL,
	arch TEXT NOT NULL,
	parameters INTEGER NOT NULL,
	layers INTEGER NOT NULL,
	hidden INTEGER NOT NULL,
	vocab INTEGER NOT NULL,
	shipped INTEGER NOT NULL DEFAULT 0,
	added REAL NOT NULL,
	opened REAL NOT NULL
) STRICT;
CREATE TABLE matrix (
	model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
	idx INTEGER NOT NULL,
	name TEXT NOT NULL,
	layer INTEGER NOT NULL,
	kind TEXT NOT NULL,
	m INTEGER NOT NULL,
	n INTEGER NOT NULL,
	rank INTEGER NOT NULL,
	sigma BLOB NOT NULL,
	spectral_norm REAL NOT NULL,
	frobenius_norm REAL NOT NULL,
	stable_rank REAL NOT NULL,
	effective_rank REAL NOT NULL,
	tail_exponent REAL,
	noise_edge REAL NOT NULL,
	above_edge INTEGER NOT NULL,
	PRIMARY KEY (model, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE expert (
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
CREATE TABLE expert_vector (
	expert INTEGER NOT NULL REFERENCES expert(id) ON DELETE CASCADE,
	matrix TEXT NOT NULL,
	z BLOB NOT NULL,
	p BLOB,
	PRIMARY KEY (expert, matrix)
) STRICT, WITHOUT ROWID;
CREATE TABLE mixture (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	task TEXT NOT NULL DEFAULT '',
	fitness REAL,
	run INTEGER REFERENCES run(id) ON DELETE SET NULL,
	created REAL NOT NULL,
	UNIQUE (model, name)
) STRICT;
CREATE TABLE mixture_part (
	mixture INTEGER NOT NULL REFERENCES mixture(id) ON DELETE CASCADE,
	expert INTEGER NOT NULL REFERENCES expert(id) ON DELETE RESTRICT,
	position INTEGER NOT NULL,
	alpha REAL NOT NULL,
	alphas BLOB,
	PRIMARY KEY (mixture, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE run (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL CHECK (kind IN ('train', 'search')),
	model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	task TEXT NOT NULL,
	settings TEXT NOT NULL,
	status TEXT NOT NULL CHECK (status IN ('running', 'done', 'stopped', 'failed')),
	step INTEGER NOT NULL DEFAULT 0,
	steps INTEGER NOT NULL,
	reward REAL,
	best_step INTEGER,
	best_accuracy REAL,
	message TEXT NOT NULL DEFAULT '',
	pid INTEGER NOT NULL DEFAULT 0,
	pid_start INTEGER NOT NULL DEFAULT 0,
	heartbeat REAL NOT NULL DEFAULT 0,
	stop INTEGER NOT NULL DEFAULT 0,
	shipped INTEGER NOT NULL DEFAULT 0,
	started REAL NOT NULL,
	seconds REAL NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE metric (
	run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	step INTEGER NOT NULL,
	reward REAL,
	loss REAL,
	kl REAL,
	grad_norm REAL,
	length REAL,
	tokens INTEGER NOT NULL DEFAULT 0,
	ms REAL NOT NULL DEFAULT 0,
	zmean BLOB,
	PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE validation (
	run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	step INTEGER NOT NULL,
	split TEXT NOT NULL,
	correct INTEGER NOT NULL,
	n INTEGER NOT NULL,
	PRIMARY KEY (run, step, split)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (
	run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	kind TEXT NOT NULL CHECK (kind IN ('last', 'best')),
	step INTEGER NOT NULL,
	state BLOB NOT NULL,
	PRIMARY KEY (run, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollout (
	run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	step INTEGER NOT NULL,
	position INTEGER NOT NULL,
	prompt TEXT NOT NULL,
	answer TEXT NOT NULL,
	gold TEXT NOT NULL,
	reward REAL NOT NULL,
	PRIMARY KEY (run, step, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE decision (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
	created REAL NOT NULL,
	strategy TEXT NOT NULL,
	prompt TEXT NOT NULL,
	pass1_text TEXT NOT NULL,
	scores TEXT NOT NULL,
	pass1_ms REAL NOT NULL,
	decision TEXT NOT NULL,
	mixture TEXT NOT NULL,
	pass2_text TEXT NOT NULL,
	tokens INTEGER NOT NULL,
	pass2_ms REAL NOT NULL
) STRICT;
CREATE TABLE evaluation (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
	created REAL NOT NULL,
	task TEXT NOT NULL,
	split TEXT NOT NULL,
	strategy TEXT NOT NULL,
	temperature REAL NOT NULL,
	seed INTEGER NOT NULL,
	n INTEGER NOT NULL,
	correct INTEGER NOT NULL,
	seconds REAL NOT NULL,
	tokens INTEGER NOT NULL,
	setup_hash TEXT NOT NULL DEFAULT '',
	task_hash TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE evaluation_item (
	evaluation INTEGER NOT NULL REFERENCES evaluation(id) ON DELETE CASCADE,
	item INTEGER NOT NULL,
	correct INTEGER NOT NULL,
	answer TEXT NOT NULL,
	decision TEXT,
	PRIMARY KEY (evaluation, item)
) STRICT, WITHOUT ROWID;
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
CREATE INDEX decision_by_model ON decision(model, created);
CREATE INDEX evaluation_by_model ON evaluation(model, task, strategy);
CREATE INDEX run_by_model ON run(model, started);
