//! Tokens, as the servers read them.

use super::super::token::{Class, render, tokens};
use super::*;

#[test]
fn where_a_number_ends_is_not_guessed() {
    for sql in [
        "SELECT 1e1users FROM x",
        "SELECT 1e1from mysql.user",
        "SELECT 1.5users",
        "SELECT 1.from x",
        "SELECT 1.e",
        "SELECT 1e",
        "SELECT 1e+x",
        "SELECT 1..5",
        "SELECT 0x1G",
        "SELECT 0xG",
        "SELECT 0b12",
        "SELECT a.1e5",
        "SELECT `a`.1b",
        "SELECT a.2fa",
        "SELECT 1.5e3.2",
    ] {
        assert_eq!(parse(sql, Use::Query).unwrap_err().code, "statement-refused", "{sql}");
    }
    for number in ["0", "12", "1.5", "1.", ".5", "1e5", "1E-5", "1.5e+10", ".5e1", "0x1fA", "0b01"] {
        let sql = format!("SELECT ({number})");
        let tokens = tokens(&sql).unwrap();
        assert_eq!((tokens[2].class, tokens[2].text), (Class::Number, number));
    }
    for name in ["2fa", "6bc_users", "0X1F", "0B1", "1a", "9größe", "00x1"] {
        let sql = format!("SELECT {name}");
        assert_eq!(tokens(&sql).unwrap()[1].class, Class::Word, "{name}");
    }
}

#[test]
fn literals_keep_every_byte() {
    for literal in [
        r"'it''s'",
        r"'it\'s; -- x'",
        r"'\\'",
        r#""say ""x"" \" ""#,
        "_utf8mb4'ü'",
        "N'x\\'y'",
        "x'00fF'",
        "X''",
        "b'01'",
        "_binary 'a'",
        "'a' 'b'",
        "'two\nlines\t'",
        "'/* no comment */ # none'",
        "'12:30:name ?'",
    ] {
        let sql = format!("SELECT {literal}, 1");
        assert_eq!(one(&sql, Use::Query).text, sql);
    }
}

#[test]
fn names_are_read_as_the_server_reads_them() {
    let sql = "SELECT `a``b`, t.`c d`, größe, t.select, `x`.`y`.`z`";
    let tokens = tokens(sql).unwrap();
    let names: Vec<_> = tokens.iter().filter_map(|token| token.name()).collect();
    assert_eq!(names, ["SELECT", "a`b", "t", "c d", "größe", "t", "select", "x", "y", "z"]);
    let keywords: Vec<_> = tokens.iter().filter(|token| token.class == Class::Word).map(|token| token.text).collect();
    assert_eq!(keywords, ["SELECT", "t", "größe"]);
}

#[test]
fn tokens_stay_together_unless_they_would_become_a_comment() {
    for (sql, sent) in [
        ("SELECT 1-':a'", "SELECT 1-':a'"),
        ("SELECT a->'$.x:y', b->>'$.z'", "SELECT a->'$.x:y', b->>'$.z'"),
        ("SELECT 1-/* */-1", "SELECT 1- -1"),
        ("SELECT 1- -/**/-1", "SELECT 1- - -1"),
    ] {
        assert_eq!(texts(sql, Use::Query), [sent]);
    }
    let sql = "CREATE PROCEDURE p() l:BEGIN LEAVE l; END";
    assert_eq!(texts(sql, DEFINE), [sql]);
}

#[test]
fn a_shape_shows_no_value() {
    let sql = "INSERT INTO `my t`(a,b) VALUES ('sec''ret', x'00ff', 1.5e-7, ?, _utf8mb4\"y\") -- why";
    assert_eq!(shape(sql, 500), "INSERT INTO `my t`(a,b) VALUES (?, ?, ?, ?, _utf8mb4?)");
    assert_eq!(
        shape("SELECT COUNT(*) /* secret */ FROM t WHERE a=-5 LIMIT 10", 500),
        "SELECT COUNT(*) FROM t WHERE a=-? LIMIT ?"
    );
    assert_eq!(shape("SELECT a FROM t WHERE a = 'open secret", 500), "SELECT a FROM t WHERE a =…");
    assert_eq!(shape("SELECT 1 /*! secret */", 500), "SELECT ?…");
    assert_eq!(shape("SELECT 'ü', größe", 500), "SELECT ?, größe");
    assert_eq!(shape("", 500), "");
    assert!(shape(&"SELECT 1 + ".repeat(1000), 100).len() <= 104);
}

/// Statements as Roundcube's and Mautic's migrations have them, put together from pieces.
fn migrations() -> Vec<String> {
    let mut all: Vec<String> = [
        "ALTER TABLE `messages`\n  DROP INDEX `idx`,\n  DROP INDEX `uid`",
        "ALTER TABLE `filestore` DROP FOREIGN KEY `user_id_fk_filestore`",
        "ALTER TABLE `filestore` ADD CONSTRAINT `fk` FOREIGN KEY (`user_id`)\n REFERENCES `users` (`user_id`) ON DELETE CASCADE ON UPDATE CASCADE",
        "ALTER TABLE `cache` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, ROW_FORMAT=DYNAMIC",
        "ALTER TABLE `users` CHANGE `alias` `alias` varchar(128) BINARY NOT NULL",
        "ALTER TABLE `contacts` ALTER `name` SET DEFAULT ''",
        "ALTER TABLE `cache` ALTER `user_id` DROP DEFAULT",
        "ALTER TABLE `cache` ENGINE=InnoDB",
        "CREATE TABLE IF NOT EXISTS `system` (\n `name` varchar(64) NOT NULL,\n `value` mediumtext,\n PRIMARY KEY(`name`)\n) ROW_FORMAT=DYNAMIC ENGINE=INNODB CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        "UPDATE `cache` SET `expires` = `created` + interval 604800 second",
        "UPDATE `users` SET `last_login` = NULL WHERE `last_login` = '1000-01-01 00:00:00'",
        "ALTER TABLE `dictionary` ADD COLUMN `id` int(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY FIRST",
        "TRUNCATE TABLE `messages`",
        "DROP TABLE `cache`",
        "CREATE TABLE m_sync (id INT UNSIGNED AUTO_INCREMENT NOT NULL, internal_storage LONGTEXT NOT NULL COMMENT '(DC2Type:json_array)', is_deleted TINYINT(1) NOT NULL, INDEX IDX_A (integration, object_id), UNIQUE INDEX UX (a), PRIMARY KEY(id)) DEFAULT CHARACTER SET utf8 COLLATE utf8_unicode_ci ENGINE = InnoDB",
        "ALTER TABLE m_webhooks ADD secret VARCHAR(255) DEFAULT NULL",
        "ALTER TABLE m_companies_leads DROP manually_added",
        "CREATE INDEX m_dnc_channel_id_search ON m_lead_donotcontact (channel_id)",
        "DROP INDEX m_tweet_text_index ON m_tweets",
        "UPDATE m_form_fields SET properties = REPLACE(properties, 's:11:\"empty_value\"', 's:11:\"placeholder\"') WHERE properties LIKE '%s:11:\"empty_value\"%'",
        "UPDATE m_lead_fields SET properties=? WHERE id=?",
        "ALTER TABLE m_lead_lists ADD CONSTRAINT FK_6EC1522A12469DE2 FOREIGN KEY (category_id) REFERENCES m_categories (id) ON DELETE SET NULL",
        "ALTER TABLE m_push CHANGE heading heading LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL",
        "INSERT INTO m_lead_fields (is_published, label, alias) VALUES (1, 'It''s', \"b\"), (0, 'x\\'y', 'c')",
        "DELETE FROM m_permissions WHERE role_id IN (SELECT id FROM m_roles WHERE is_admin = 1)",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT, ALGORITHM=INPLACE, LOCK=NONE",
        "INSERT INTO a (x) SELECT b.x FROM b LEFT JOIN c ON c.id=b.c_id WHERE c.id IS NULL ON DUPLICATE KEY UPDATE x=VALUES(x)",
    ]
    .map(str::to_owned)
    .to_vec();
    for table in ["cache", "cache_index", "contacts", "identities", "searches", "users"] {
        all.push(format!("ALTER TABLE `{table}` ROW_FORMAT=DYNAMIC"));
        all.push(format!("ALTER TABLE `{table}` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"));
    }
    all
}

#[test]
fn migrations_of_real_applications_pass_unchanged() {
    for sql in migrations() {
        guard(&sql, CHANGE).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"));
        let sent = texts(&sql, CHANGE).remove(0);
        assert_eq!(sent, sql.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

const PIECES: &str = r#"'a\'b'¦"x""y"¦`n``m`¦/* c */¦-- c
¦# c
¦--¦-¦/¦*¦.¦(¦)¦,¦;¦=¦:¦:=¦1¦1.5¦.5¦1e5¦0x1F¦x'41'¦N'n'¦_utf8'u'¦?¦word¦größe¦2fa¦FROM¦ ¦
¦->¦->>¦||¦<=>¦!¦*/¦e¦x¦'¦`¦@¦\"#;

#[test]
fn what_is_sent_is_read_as_what_was_checked() {
    let mut statements = migrations();
    let pieces: Vec<_> = PIECES.split('¦').collect();
    // A linear congruence is random enough, and the same every time.
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..20_000 {
        let length = random(12) + 1;
        statements.push((0..length).map(|_| pieces[random(pieces.len())]).collect());
    }
    let mut read = 0;
    for sql in &statements {
        let Ok(checked) = tokens(sql) else { continue };
        let sent = render(&checked);
        let again = tokens(&sent).unwrap_or_else(|failure| panic!("{sql:?} → {sent:?}: {failure:?}"));
        let same = checked.iter().map(|t| (t.class, t.text)).eq(again.iter().map(|t| (t.class, t.text)));
        assert!(same, "{sql:?} → {sent:?}");
        assert_eq!(render(&again), sent);
        for hidden in ["/*", "--", "#"] {
            let outside = again.iter().filter(|t| t.class == Class::Text || t.class == Class::Name).map(|t| t.text);
            let within: usize = outside.map(|text| text.matches(hidden).count()).sum();
            assert_eq!(sent.matches(hidden).count(), within, "{sql:?} → {sent:?}");
        }
        read += 1;
    }
    assert!(read > 5_000, "{read}");
}

#[test]
fn a_long_statement_takes_no_long_time() {
    let row = "(1, 'text', NULL, 2.5),";
    let sql = format!("INSERT INTO t VALUES {}(1,1,1,1)", row.repeat(100_000));
    let start = std::time::Instant::now();
    let statement = one(&sql, CHANGE);
    touched(&statement, CHANGE, &catalog(), &schemas()).unwrap();
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    let deep = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    one(&deep, Use::Query);
}
