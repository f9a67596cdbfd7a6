-- From version 4 to 5: the numbers of deleted mixtures, runs, decisions and evaluations are never given again, as those of
-- experts.  With foreign keys off, or DROP would take along what refers to the rows.
CREATE TABLE mixture_5 (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	task TEXT NOT NULL DEFAULT '',
	fitness REAL,
	run INTEGER REFERENCES run(id) ON DELETE SET NULL,
	created REAL NOT NULL,
	UNIQUE (model, name)
) STRICT;
INSERT INTO mixture_5 SELECT * FROM mixture;
DROP TABLE mixture;
ALTER TABLE mixture_5 RENAME TO mixture;
CREATE TABLE run_5 (
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
INSERT INTO run_5 SELECT * FROM run;
DROP TABLE run;
ALTER TABLE run_5 RENAME TO run;
CREATE TABLE decision_5 (
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
INSERT INTO decision_5 SELECT * FROM decision;
DROP TABLE decision;
ALTER TABLE decision_5 RENAME TO decision;
CREATE TABLE evaluation_5 (
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
INSERT INTO evaluation_5 SELECT * FROM evaluation;
DROP TABLE evaluation;
ALTER TABLE evaluation_5 RENAME TO evaluation;
CREATE INDEX decision_by_model ON decision(model, created);
CREATE INDEX evaluation_by_model ON evaluation(model, task, strategy);
CREATE INDEX run_by_model ON run(model, started);
