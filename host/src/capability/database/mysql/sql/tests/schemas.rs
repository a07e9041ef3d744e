//! Names of schemas.

use super::*;

#[test]
fn other_schemas_are_out_of_reach() {
    for sql in [
        "SELECT * FROM blog.posts",
        "SELECT * FROM BLOG . posts",
        "SELECT * FROM `blog`.`posts`",
        "SELECT * FROM `blog`.posts p",
        "SELECT * FROM parent, blog.posts",
        "SELECT * FROM parent AS a, (child, blog.posts)",
        "SELECT * FROM (parent JOIN blog.posts)",
        "SELECT * FROM ((parent, blog.posts))",
        "SELECT * FROM parent JOIN blog.posts ON 1",
        "SELECT * FROM parent JOIN child ON 1 = 1, blog.posts",
        "SELECT * FROM parent JOIN child ON (1 = 1) LEFT JOIN (lonely, blog.posts) ON 1",
        "SELECT * FROM parent JOIN child USING (a), blog.posts",
        "SELECT * FROM parent STRAIGHT_JOIN blog.posts",
        "SELECT * FROM parent USE INDEX (a), blog.posts",
        "SELECT * FROM parent USE INDEX FOR ORDER BY (a), blog.posts",
        "SELECT * FROM parent FORCE INDEX FOR GROUP BY (a), blog.posts",
        "SELECT * FROM parent FORCE INDEX FOR JOIN (a), blog.posts",
        "SELECT * FROM parent FOR SYSTEM_TIME AS OF NOW(), blog.posts",
        "SELECT * FROM (VALUES (1)) AS x, blog.posts",
        "SELECT * FROM parent JOIN child ON CASE WHEN 1 THEN 2 END, blog.posts",
        "SELECT blog.posts.id FROM parent",
        "SELECT blog.posts.* FROM parent",
        "SELECT (SELECT 1 FROM blog.posts)",
        "SELECT 1 FROM parent WHERE a IN (SELECT b FROM blog.posts)",
        "SELECT 1 FROM parent WHERE a IN (TABLE blog.posts)",
        "SELECT 1 UNION SELECT 2 FROM blog.posts",
        "SELECT 1 FROM parent UNION TABLE blog.posts",
        "WITH x AS (SELECT * FROM blog.posts) SELECT * FROM x",
        "SELECT blog.f(1)",
        "SELECT blog . f (1)",
        "SELECT unknown.f(1)",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM INFORMATION_SCHEMA.user_privileges",
        "SELECT * FROM mysql.user",
        "SELECT * FROM sys.session",
        "SELECT * FROM performance_schema.threads",
        "DESCRIBE mysql.user",
        "SHOW CREATE TABLE blog.posts",
        "SHOW COLUMNS FROM blog.posts",
        "EXPLAIN SELECT * FROM blog.posts",
    ] {
        assert_eq!(refusal(sql, Use::Query).code, "other-schema", "{sql}");
    }
    for sql in [
        "INSERT INTO blog.posts VALUES (1)",
        "INSERT blog.posts VALUES (1)",
        "INSERT IGNORE blog.posts VALUES (1)",
        "INSERT INTO parent SELECT * FROM blog.posts",
        "REPLACE blog.posts VALUES (1)",
        "UPDATE blog.posts SET a = 1",
        "UPDATE parent, blog.posts SET a = 1",
        "UPDATE (parent, blog.posts) SET a = 1",
        "UPDATE parent SET a = (SELECT 1 FROM blog.posts)",
        "DELETE FROM blog.posts",
        "DELETE parent, blog.posts FROM parent",
        "DELETE FROM parent USING parent, blog.posts",
        "DELETE parent FROM parent JOIN blog.posts",
        "CREATE TABLE blog.x (a INT)",
        "CREATE TABLE IF NOT EXISTS blog.x (a INT)",
        "CREATE TABLE x LIKE blog.posts",
        "CREATE TABLE x (LIKE blog.posts)",
        "CREATE TABLE x SELECT * FROM blog.posts",
        "CREATE TABLE x (a INT, FOREIGN KEY (a) REFERENCES blog.posts (id))",
        "CREATE TABLE x (a INT REFERENCES blog.posts (id))",
        "ALTER TABLE blog.posts ADD a INT",
        "ALTER TABLE parent RENAME TO blog.parent",
        "ALTER TABLE parent RENAME blog.parent",
        "ALTER TABLE parent RENAME AS blog.parent",
        "ALTER TABLE parent ADD FOREIGN KEY (a) REFERENCES blog.posts (id)",
        "RENAME TABLE parent TO blog.x",
        "RENAME TABLE blog.posts TO x",
        "DROP TABLE blog.posts",
        "DROP TABLE parent, blog.posts",
        "TRUNCATE TABLE blog.posts",
        "TRUNCATE blog.posts",
        "OPTIMIZE TABLE parent, blog.posts",
        "CREATE INDEX i ON blog.posts (id)",
        "DROP INDEX i ON blog.posts",
        "CREATE VIEW blog.v AS SELECT 1",
        "CREATE VIEW v AS SELECT * FROM blog.posts",
        "DROP VIEW blog.v",
        "CREATE TRIGGER blog.g AFTER INSERT ON parent FOR EACH ROW SET NEW.a = 1",
        "CREATE TRIGGER g AFTER INSERT ON blog.posts FOR EACH ROW SET NEW.a = 1",
        "CREATE TRIGGER g AFTER INSERT ON parent FOR EACH ROW INSERT INTO blog.posts VALUES (1)",
        "CREATE TRIGGER g AFTER INSERT ON parent FOR EACH ROW BEGIN SET NEW.a = 1; CALL blog.p(); END",
        "CREATE TRIGGER g AFTER INSERT ON parent FOR EACH ROW BEGIN SELECT 1 INTO x; DELETE FROM blog.posts; END",
        "DROP PROCEDURE blog.p",
    ] {
        assert_eq!(refusal(sql, DEFINE).code, "other-schema", "{sql}");
    }
    assert_eq!(refusal("INSERT INTO spied VALUES (1)", CHANGE).code, "other-schema");
}

#[test]
fn our_own_schema_has_no_name_in_a_statement() {
    for sql in [
        "UPDATE shop.parent SET a = 1",
        "CREATE TABLE shop.x (a INT)",
        "CREATE TABLE x LIKE `Shop`.parent",
        "RENAME TABLE parent TO shop.x",
        "ALTER TABLE parent ADD FOREIGN KEY (a) REFERENCES shop.child (id)",
        "DELETE FROM parent WHERE shop.parent.a = 1",
        "INSERT INTO parent SELECT * FROM shop.child",
    ] {
        let failure = refusal(sql, DEFINE);
        assert_eq!(failure.code, "statement-refused", "{sql}");
        assert!(failure.message.contains("leave out the name of the schema"), "{failure:?}");
    }
}

#[test]
fn a_table_called_like_a_schema_has_columns() {
    for sql in [
        "SELECT shop.id FROM shop WHERE shop.id = 1 ORDER BY shop.id",
        "SELECT blog.id FROM parent AS blog JOIN child ON child.id = blog.id WHERE f(1, blog.id) GROUP BY blog.a",
        "SELECT blog.* FROM parent blog",
        "SELECT COUNT(blog.id), (blog.a + 1) FROM parent blog",
        "SELECT 1 FROM parent blog LEFT JOIN child c ON (c.p = blog.id AND blog.a IN (blog.b))",
    ] {
        guard(sql, Use::Query).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"));
    }
    for sql in [
        "UPDATE parent shop SET shop.a = 1 WHERE shop.b = 2",
        "INSERT INTO lonely (a) VALUES (1) ON DUPLICATE KEY UPDATE shop.a = 2",
        "DELETE shop FROM parent shop WHERE shop.id = 1",
        "DELETE shop.* FROM shop",
    ] {
        guard(sql, CHANGE).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"));
    }
}

#[test]
fn a_keyword_in_front_of_a_dot_is_no_way_around() {
    for sql in ["SELECT 3 FROM .users, mysql.user", "SELECT 3 FROM.`users`, mysql.user", "SELECT 1 WHERE . x"] {
        assert_eq!(refusal(sql, Use::Query).code, "statement-refused", "{sql}");
    }
    // Directly beside the dot the servers look for no keyword, and so do we.
    assert_eq!(refusal("SELECT a.select, b.from FROM mysql.user", Use::Query).code, "other-schema");
}
