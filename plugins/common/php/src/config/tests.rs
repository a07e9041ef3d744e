//! Tests of the editor: what is refused, what is read, and that an edit changes only what it must.

mod edit;
mod read;
mod refused;
mod variables;

use super::*;

/// A file as people have it: all comments, both quotes, nesting, expressions, line ends of its own.
const LOCAL: &str = "<?php\n// local.php of our site; do not edit on Fridays\n$parameters = array(\n\t'db_driver' => 'pdo_mysql',\n\t'db_host' => getenv('DB_HOST'), // set by the container\n\t\"db_table_prefix\" => \"mau_\",\n\t'db_port' => 3306, # default\n\t/* secrets */\n\t'secret_key' => 'a\\'b\\\\c',\n\t'theme' => 'Mauve',\n\t'cache_path' => __DIR__ . '/../cache',\n\t'dev_hosts' => null,\n\t'api_rate_limiter_cache' => array(\n\t\t'type' => 'redis',\n\t\t'hosts' => ['10.0.0.1', '10.0.0.2',],\n\t),\n\t'mailer_spool_path' => '%kernel.root_dir%/spool' /* mail */\n);\n";

fn config(text: &str) -> Config {
    Config::parse(text).unwrap_or_else(|error| panic!("{error} ({}) in {text:?}", error.code))
}

fn literal(text: &str, path: &[&str]) -> Literal {
    match config(text).get(path) {
        Some(Value::Literal(literal)) => literal,
        other => panic!("{path:?} is {other:?}"),
    }
}
