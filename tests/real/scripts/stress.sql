-- SPDX-License-Identifier: Apache-2.0
-- Tables, indices, transactions, a rollback, a recursive query and an integrity check; ends with sums.
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, value REAL, part INTEGER);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO item SELECT i, printf('name %08d', (i * 7919) % 60000), i * 1.5, i % 97 FROM n;
COMMIT;
CREATE INDEX by_name ON item(name);
CREATE INDEX by_part ON item(part, value);
BEGIN;
UPDATE item SET value = value + part WHERE part % 3 = 0;
DELETE FROM item WHERE id % 11 = 0;
COMMIT;
BEGIN;
DELETE FROM item;
ROLLBACK;
SELECT part, count(*), sum(value) FROM item GROUP BY part ORDER BY part LIMIT 10;
SELECT count(*), sum(length(name)), min(name), max(name) FROM item;
SELECT a.id, b.id FROM item a JOIN item b ON b.name = a.name WHERE a.part = 5 ORDER BY a.id LIMIT 5;
VACUUM;
PRAGMA integrity_check;
