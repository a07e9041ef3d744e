//! Edits: each test has the whole text before and after.

use super::*;

#[track_caller]
fn set(before: &str, key: &str, value: Literal, after: &str) {
    let mut config = config(before);
    config.set(key, &value).unwrap();
    assert_eq!(config.as_str(), after);
    assert_eq!(config.get(&[key]), Some(Value::Literal(value)));
}

#[track_caller]
fn remove(before: &str, key: &str, after: &str) {
    let mut config = config(before);
    assert_eq!(config.remove(key), Ok(true));
    assert_eq!(config.as_str(), after);
    assert_eq!(config.remove(key), Ok(false));
}

fn adapter() -> Literal {
    Literal::Array(vec![(Key::from("adapter"), Literal::from("cache.adapter.filesystem"))])
}

#[test]
fn a_value_is_replaced_and_nothing_else() {
    for (key, old, new) in [
        ("theme", "'Mauve'", "'blank'"),
        ("db_host", "getenv('DB_HOST')", "'blank'"),
        ("db_table_prefix", "\"mau_\"", "\"blank\""),
        ("cache_path", "__DIR__ . '/../cache'", "'blank'"),
        ("dev_hosts", "null", "'blank'"),
        ("mailer_spool_path", "'%kernel.root_dir%/spool'", "'blank'"),
    ] {
        set(LOCAL, key, Literal::from("blank"), &LOCAL.replace(old, new));
    }
    set(LOCAL, "dev_hosts", Literal::Array(Vec::new()), &LOCAL.replace("null", "array()"));
}

#[test]
fn text_with_quotes_and_backslashes_is_written_so_that_it_is_read_back() {
    for text in ["", "'", "\\", "\\'", "a\\", "$x {$y} ${z}", "\"", "\n\r\t", "é😀", "?>", "*/ //", "\\n"] {
        for before in ["<?php $p = array('k' => 'x');", "<?php $p = array('k' => \"x\");", "<?php return [];"] {
            let mut config = config(before);
            config.set("k", &Literal::from(text)).unwrap();
            assert_eq!(config.get(&["k"]), Some(Value::Literal(Literal::from(text))), "{text:?} in {before}");
        }
    }
}

#[test]
fn an_array_is_written_in_the_style_of_the_file() {
    let new = "array(\n\t\t'adapter' => 'cache.adapter.filesystem',\n\t)";
    let start = LOCAL.find("array(\n\t\t'type'").unwrap();
    let end = LOCAL.find(",\n\t'mailer_spool_path'").unwrap();
    set(LOCAL, "api_rate_limiter_cache", adapter(), &format!("{}{new}{}", &LOCAL[..start], &LOCAL[end..]));
    set("<?php $p = ['a' => 1];", "a", adapter(), "<?php $p = ['a' => ['adapter' => 'cache.adapter.filesystem']];");
    let list = Literal::Array(vec![(Key::Int(0), Literal::Bool(true)), (Key::Int(1), Literal::Null)]);
    set("<?php $p = ['a' => 1];", "a", list, "<?php $p = ['a' => [true, null]];");
    let crlf = "<?php\r\n$p = [\r\n  'a' => 1,\r\n];\r\n";
    set(
        crlf,
        "a",
        adapter(),
        "<?php\r\n$p = [\r\n  'a' => [\r\n    'adapter' => 'cache.adapter.filesystem',\r\n  ],\r\n];\r\n",
    );
}

#[test]
fn a_new_key_is_added_like_the_others() {
    let one = || Literal::Int(1);
    let spool = "'%kernel.root_dir%/spool' /* mail */";
    let expected = "'%kernel.root_dir%/spool', /* mail */\n\t'n' => 1";
    set(LOCAL, "n", one(), &LOCAL.replace(spool, expected));
    for (before, after) in [
        ("<?php $p = array();", "<?php $p = array('n' => 1);"),
        ("<?php $p = [\n];", "<?php $p = [\n    'n' => 1,\n];"),
        ("<?php $p = [ // none\n];", "<?php $p = [ // none\n    'n' => 1,\n];"),
        ("<?php $p = ['a'=>1];", "<?php $p = ['a'=>1, 'n'=>1];"),
        ("<?php $p = [\"a\" => 1,];", "<?php $p = [\"a\" => 1, \"n\" => 1,];"),
        (
            "<?php $p = [\n  'a' => 1, // x\n  // end\n];\n",
            "<?php $p = [\n  'a' => 1, // x\n  'n' => 1,\n  // end\n];\n",
        ),
        ("<?php $p = [\n  'abc' => 1,\n  'de'  => 1];", "<?php $p = [\n  'abc' => 1,\n  'de'  => 1,\n  'n'   => 1];"),
        ("<?php $p = [\r\n  'a' => 1\r\n];", "<?php $p = [\r\n  'a' => 1,\r\n  'n' => 1\r\n];"),
        ("<?php\n$p['a'] = 2; // x\n", "<?php\n$p['a'] = 2; // x\n$p['n'] = 1;\n"),
        ("<?php $p[\"a\"] = 2;", "<?php $p[\"a\"] = 2;\n$p[\"n\"] = 1;"),
        ("<?php $p = [\n  'a' => <<<X\nb\nX\n];", "<?php $p = [\n  'a' => <<<X\nb\nX\n  ,\n  'n' => 1\n];"),
    ] {
        set(before, "n", one(), after);
    }
}

#[test]
fn a_key_goes_with_its_line() {
    for line in [
        "\t'db_driver' => 'pdo_mysql',\n",
        "\t'db_host' => getenv('DB_HOST'), // set by the container\n",
        "\t'db_port' => 3306, # default\n",
        "\t'secret_key' => 'a\\'b\\\\c',\n",
        "\t'mailer_spool_path' => '%kernel.root_dir%/spool' /* mail */\n",
    ] {
        let key = line.split(['\'', '"']).nth(1).unwrap();
        remove(LOCAL, key, &LOCAL.replace(line, ""));
    }
    let start = LOCAL.find("\t'api_rate").unwrap();
    let end = LOCAL.find("\t'mailer_spool_path'").unwrap();
    remove(LOCAL, "api_rate_limiter_cache", &format!("{}{}", &LOCAL[..start], &LOCAL[end..]));
}

#[test]
fn a_key_that_shares_its_line_leaves_the_others() {
    for (before, key, after) in [
        ("<?php $p = array('a' => 1);", "a", "<?php $p = array();"),
        ("<?php $p = ['a' => 1, 'b' => 2];", "a", "<?php $p = ['b' => 2];"),
        ("<?php $p = ['a' => 1, 'b' => 2];", "b", "<?php $p = ['a' => 1];"),
        ("<?php $p = ['a' => 1, 'b' => 2,];", "b", "<?php $p = ['a' => 1, ];"),
        ("<?php $p = ['a' => 1 /* x */, 'b' => 2 /* y */];", "b", "<?php $p = ['a' => 1 /* x */];"),
        ("<?php $p = ['a' => 1 /* x */, 'b' => 2 /* y */];", "a", "<?php $p = ['b' => 2 /* y */];"),
        ("<?php $p = [\n'a' => 1, 'b' => 2, // ab\n];", "b", "<?php $p = [\n'a' => 1, // ab\n];"),
        ("<?php $p = [\n'a' => 1\n, 'b' => 2\n];", "a", "<?php $p = [\n'b' => 2\n];"),
        ("<?php $p = [\n'a' => 1\n, 'b' => 2\n];", "b", "<?php $p = [\n'a' => 1\n\n];"),
        ("<?php $p = [\n/* a */ 'a' => 1, // x\n'b' => 2\n];", "a", "<?php $p = [\n'b' => 2\n];"),
        ("<?php $p = [\r\n'a' => 1,\r\n'b' => 2\r\n];", "a", "<?php $p = [\r\n'b' => 2\r\n];"),
    ] {
        remove(before, key, after);
    }
}

#[test]
fn a_later_assignment_is_what_is_changed_and_all_are_removed() {
    let before = "<?php\n$p = array('a' => 1, 'b' => 2);\n$p['a'] = 3; // x\n$p['c'] = 4;\n";
    set(before, "a", Literal::Int(5), &before.replace("= 3", "= 5"));
    set(before, "b", Literal::Int(5), &before.replace("=> 2", "=> 5"));
    remove(before, "a", "<?php\n$p = array('b' => 2);\n$p['c'] = 4;\n");
    remove("<?php $p['a'] = 1; $p['b'] = 2;", "a", "<?php  $p['b'] = 2;");
}

#[test]
fn a_change_that_cannot_be_said_leaves_the_file_alone() {
    let mut config = config(LOCAL);
    let error = config.set("theme", &Literal::Float(f64::NAN)).unwrap_err();
    assert_eq!((error.code, config.as_str()), ("edit-failed", LOCAL));
}
