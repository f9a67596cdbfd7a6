-- From version 2 to 3: an evaluation says what it was made with, its items what pass 1 decided.
ALTER TABLE evaluation ADD COLUMN setup_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE evaluation ADD COLUMN task_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE evaluation_item ADD COLUMN decision TEXT;
