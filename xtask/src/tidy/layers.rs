//! Rules for what code may name: dependencies point downwards, and only the edge talks to the process's surroundings.

use super::Finding;
use super::source::Source;

/// What a module of the host must not name, and why.
struct Layer {
    /// A directory or a file of `host/src`, without the extension.
    module: &'static str,
    above: &'static [&'static str],
    why: &'static str,
}

const LAYERS: [Layer; 9] = [
    Layer {
        module: "io",
        above: &["wasmtime", "rusqlite", "crate::capability", "crate::sandbox", "crate::engine", "crate::bundle"],
        why: "the I/O layer is the bottom",
    },
    Layer {
        module: "effect",
        above: &["wasmtime", "rusqlite", "crate::capability", "crate::sandbox", "crate::engine", "crate::bundle"],
        why: "the seam knows neither of its sides",
    },
    Layer {
        module: "capability",
        above: &["crate::sandbox", "crate::engine", "crate::report"],
        why: "a capability knows how, not when or for whom",
    },
    Layer { module: "sandbox", above: &["rusqlite", "crate::report"], why: "the sandbox only runs guests" },
    Layer {
        module: "engine",
        above: &["wasmtime", "rusqlite", "crate::capability", "crate::sandbox", "crate::report"],
        why: "the engine knows no wasm, no SQL, no terminal",
    },
    Layer {
        module: "bundle",
        above: &["wasmtime", "rusqlite", "crate::capability", "crate::sandbox", "crate::engine", "crate::report"],
        why: "reading a bundle is pure",
    },
    Layer {
        module: "policy",
        above: &["wasmtime", "rusqlite", "crate::capability", "crate::sandbox", "crate::engine", "crate::report"],
        why: "policy is pure",
    },
    Layer {
        module: "report",
        above: &["wasmtime", "rusqlite", "crate::capability", "crate::sandbox"],
        why: "reporters read events, they decide nothing",
    },
    Layer { module: "cli", above: &["wasmtime", "rusqlite"], why: "a command is a few calls of the library" },
];

/// The process's surroundings: terminal, environment, exit.
const SURROUNDINGS: [&str; 7] = ["println!", "eprintln!", "print!", "eprint!", "std::env", "env::var", "process::exit"];
const EDGE: [&str; 3] = ["host/src/main.rs", "host/src/cli/", "host/src/report/"];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let shipped = source.path.starts_with("host/src/") || source.path.starts_with("plugins/");
    if !source.is_rust() || !shipped {
        return Vec::new();
    }
    let mut findings = surroundings(source);
    findings.extend(direction(source));
    findings
}

fn surroundings(source: &Source) -> Vec<Finding> {
    if EDGE.iter().any(|edge| source.path.starts_with(edge)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (line, code) in source.code() {
        if let Some(name) = SURROUNDINGS.iter().find(|name| names(code, name)) {
            let advice = format!("`{name}` in a library; return a value and let main.rs, cli/ or report/ do it");
            findings.push(Finding::new(&source.path, line, "surroundings", advice));
        }
    }
    findings
}

fn direction(source: &Source) -> Vec<Finding> {
    let Some(layer) = layer_of(&source.path) else { return Vec::new() };
    let mut findings = Vec::new();
    for (line, code) in source.code() {
        if let Some(name) = layer.above.iter().find(|name| names(code, name)) {
            let advice = format!("{} must not use {name}: {}; move it, or pass it in", layer.module, layer.why);
            findings.push(Finding::new(&source.path, line, "direction", advice));
        }
    }
    findings
}

fn layer_of(path: &str) -> Option<&'static Layer> {
    let module = path.strip_prefix("host/src/")?.split(['/', '.']).next()?;
    LAYERS.iter().find(|layer| layer.module == module)
}

/// Whether the code has this name as a whole word (`wasmtime` but not `wasmtime_wasi_ish`… which starts with it, or
/// `println!` in `eprintln!`).
fn names(code: &str, name: &str) -> bool {
    let part_of_a_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(part_of_a_word);
        let after = code[at + name.len()..].chars().next().is_some_and(part_of_a_word);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&source).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_layer_that_looks_up_is_found() {
        for layer in &LAYERS {
            for name in layer.above {
                let path = format!("host/src/{}/x.rs", layer.module);
                assert_eq!(rules(&path, &format!("//! x\nuse {name}::x;\n")), ["direction"], "{path} {name}");
            }
        }
        assert_eq!(rules("host/src/effect.rs", "use crate::engine::x;\n"), ["direction"]);
    }

    #[test]
    fn looking_down_is_fine() {
        assert_eq!(rules("host/src/engine/x.rs", "use crate::effect::Change;\n"), [""; 0]);
        assert_eq!(rules("host/src/sandbox/x.rs", "use crate::capability::files;\nuse wasmtime::Store;\n"), [""; 0]);
        assert_eq!(rules("host/src/engine/x.rs", "use crate::capability_names;\n// crate::sandbox\n"), [""; 0]);
    }

    #[test]
    fn a_library_that_prints_is_found() {
        for name in SURROUNDINGS {
            let text = format!("//! x\nfn f() {{ {name}(\"\") }}\n");
            assert_eq!(rules("host/src/engine/x.rs", &text), ["surroundings"], "{name}");
            assert_eq!(rules("plugins/common/x/src/lib.rs", &text), ["surroundings"], "{name}");
            assert_eq!(rules("host/src/cli/x.rs", &text), [""; 0], "{name}");
            assert_eq!(rules("xtask/src/x.rs", &text), [""; 0], "{name}");
        }
    }

    #[test]
    fn tests_may_print() {
        let text = "//! x\n#[cfg(test)]\nmod tests {\n    fn f() { println!() }\n}\n";
        assert_eq!(rules("host/src/engine/x.rs", text), [""; 0]);
    }
}
