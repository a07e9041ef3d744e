//! Commands without wasm and without an engine: what they may cost, what they get, and that nothing of them stays.
//!
//! The supervisor is this very test program: a small script starts it at [`as_supervisor`].

use std::fs;
use std::io::{BufReader, stderr, stdin};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;

use super::*;
use crate::capability::files::{ArchiveLimits, FilesConfig, RootConfig};
use crate::effect::{CallError, Failure};

/// What [`Site`] starts: supervises, with the command's output where the script has put it.
#[test]
#[ignore = "is started by the other tests"]
fn as_supervisor() {
    let output = File::options().append(true).open("/proc/self/fd/3").unwrap();
    supervise(BufReader::new(stdin()), output, stderr()).unwrap();
}

/// A root, and commands of the operator's.
struct Site {
    home: TempDir,
    stop: Arc<AtomicBool>,
    config: Option<CommandsConfig>,
}

impl Site {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(home.path().join("app")).unwrap();
        fs::write(home.path().join("app/index.php"), "old").unwrap();
        let script = home.path().join("supervisor");
        // Only of this process may the test's own program be asked; the environment of commands is not ours.
        let program = fs::read_link("/proc/self/exe").unwrap();
        let test = "capability::command::tests::as_supervisor";
        let text = format!(
            "#!/bin/sh\nexec 3>&1 >/dev/null\nexec {} --ignored --exact {test} --nocapture --test-threads 1\n",
            program.display()
        );
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let config = CommandsConfig { supervisor: script, ..CommandsConfig::none(stop.clone()) };
        Self { home, stop, config: Some(config) }
    }

    /// Names a command `it`: a script for a shell.
    fn command(mut self, script: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command {
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            user: None,
            time: Duration::from_secs(20),
            memory: 1 << 30,
            environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            directory: self.home.path().to_owned(),
            roots: Vec::new(),
            databases: Vec::new(),
        };
        change(&mut command);
        let config = self.config.as_mut().unwrap();
        config.commands.insert("it".to_owned(), Known { suggested: vec!["php".into()], command: Some(command) });
        self
    }

    fn commands(&mut self) -> Arc<Commands> {
        let root = RootConfig { name: "app".into(), path: self.home.path().join("app"), owner: None };
        let files = FilesConfig {
            run: "r1".into(),
            roots: vec![root],
            protected: Vec::new(),
            artifacts: self.home.path().join("artifacts"),
            limits: ArchiveLimits::default(),
            stop: self.stop.clone(),
            meter: Meter::default(),
        };
        Arc::new(Commands::new(self.config.take().unwrap(), Arc::new(Files::open(files).unwrap())))
    }

    fn stage(&mut self, read_only: bool) -> StageCommands {
        let grant = CommandGrant { slot: "build".into(), commands: ["it".to_owned()].into(), read_only };
        StageCommands::new(self.commands(), grant)
    }

    fn run(mut self) -> Result<Ended, CallError> {
        self.stage(true).look("it")
    }
}

/// A look by a shell.
fn shell(script: &str) -> Ended {
    Site::new().command(script, |_| {}).run().unwrap()
}

fn refused<T>(answer: Result<T, CallError>) -> Failure {
    match answer {
        Err(CallError::Answer(failure)) => failure,
        Err(CallError::Fault(fault)) => panic!("it stops the run: {fault}"),
        Ok(_) => panic!("it was allowed"),
    }
}

fn is_alive(pid: &str) -> bool {
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw).unwrap();
    let dead =
        fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).is_ok_and(|stat| stat.contains(") Z "));
    test_kill_process(pid).is_ok() && !dead
}

fn wait_for(path: &Path) -> String {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            _ => assert!(Instant::now() < until, "{} does not come", path.display()),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_command_that_is_not_granted_is_refused_with_the_lines_that_allow_it() {
    let mut site = Site::new().command("true", |_| {});
    let commands = site.commands();
    let nobody = StageCommands::new(commands.clone(), CommandGrant { slot: "build".into(), ..CommandGrant::default() });
    assert!(!nobody.is_there("it"));
    let failure = refused(nobody.look("it"));
    assert_eq!(failure.code, "not-granted");
    assert_eq!(failure.extra, [("allow".to_owned(), "[grants.build]\ncommand.it = \"run\"".to_owned())]);
    assert!(failure.message.contains("[grants.build] | command.it = \"run\""), "{}", failure.message);
    assert_eq!(refused(nobody.prepare(1, "it").map(|_| ())).code, "not-granted");
}

#[test]
fn a_command_that_the_operator_has_not_is_refused_with_all_lines() {
    let mut site = Site::new();
    site.config
        .as_mut()
        .unwrap()
        .commands
        .insert("it".into(), Known { suggested: vec!["php".into(), "a b".into()], command: None });
    let stage = site.stage(false);
    assert!(!stage.is_there("it"));
    let failure = refused(stage.look("it"));
    let lines = &failure.extra[0].1;
    assert!(lines.starts_with("[commands.it]\nargv = [\"php\", \"a b\"]\nuser = "), "{lines}");
    assert!(lines.ends_with("[grants.build]\ncommand.it = \"run\""), "{lines}");
    assert_eq!(refused(stage.look("it; rm -rf /")).message, "the pipeline knows no command it; rm -rf /");
}

#[test]
fn what_changes_something_is_not_run_in_check() {
    let mut site = Site::new().command("touch app/x", |command| command.roots = vec![("app".into(), String::new())]);
    let path = site.home.path().join("app/x");
    let stage = site.stage(true);
    assert!(stage.is_there("it"));
    assert_eq!(refused(stage.prepare(1, "it").map(|_| ())).code, "read-only");
    assert!(!path.exists());
}

#[test]
fn no_word_of_a_command_is_read_by_a_shell() {
    let words = ["/bin/echo", "$HOME", "`id`", "; id", "a b", "{tree}", "%s", "*"];
    let ended = Site::new().command("", |command| command.argv = words.map(str::to_owned).to_vec()).run().unwrap();
    assert_eq!(ended.output, words[1..].join(" "));
}

#[test]
fn the_environment_has_what_was_named_and_nothing_else() {
    let ended = Site::new()
        .command("", |command| {
            command.argv = vec!["/usr/bin/env".into()];
            command.environment.push(("LANG".into(), "C.UTF-8".into()));
        })
        .run()
        .unwrap();
    let mut lines: Vec<_> = ended.output.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["LANG=C.UTF-8", "PATH=/usr/bin:/bin"]);
}

#[test]
fn a_command_has_no_input_and_its_own_group() {
    let ended = shell("cat; ps -o pgid= -p $$ 2>/dev/null | tr -d ' ' || true; cut -d' ' -f5 /proc/$$/stat; echo $$");
    let lines: Vec<_> = ended.output.lines().collect();
    assert_eq!(lines[lines.len() - 2], lines[lines.len() - 1], "the leader of its group: {lines:?}");
}

#[test]
fn an_exit_code_and_a_signal_are_told_apart() {
    assert_eq!((shell("exit 0").exit_code, shell("echo x; exit 137").exit_code), (0, 137));
    let killed = shell("kill -9 $$");
    assert_eq!((killed.exit_code, killed.extra), (137, vec![("signal".to_owned(), "9".to_owned())]));
}

#[test]
fn a_program_that_cannot_be_started_is_an_answer_and_nothing_has_happened() {
    let argv = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        refused(Site::new().command("", |command| command.argv = words).run())
    };
    let failure = argv(&["/no/such/program"]);
    assert_eq!(failure.code, "command-not-started");
    assert!(failure.message.contains("the command it cannot be started"), "{}", failure.message);
    assert_eq!(argv(&["/etc/passwd"]).code, "command-not-started");
    let nowhere = Site::new().command("true", |command| command.directory = "/no/such/directory".into());
    assert_eq!(refused(nowhere.run()).code, "command-not-started");
}

#[test]
fn an_endless_command_is_ended_with_all_that_it_started() {
    let began = Instant::now();
    let site = Site::new().command("sleep 1000 & echo $! >pids; echo $$ >>pids; while :; do :; done", |command| {
        command.time = Duration::from_millis(500);
    });
    let pids = site.home.path().join("pids");
    let home = fs::read_to_string(&pids).unwrap_or_default();
    assert_eq!(home, "");
    let mut site = site;
    let ended = site.stage(true).look("it").unwrap();
    assert_eq!((ended.exit_code, ended.extra), (124, vec![("time-limit".to_owned(), "true".to_owned())]));
    assert!(began.elapsed() < Duration::from_secs(15));
    for pid in fs::read_to_string(&pids).unwrap().lines() {
        assert!(!is_alive(pid), "{pid}");
    }
}

#[test]
fn what_left_the_group_is_ended_too() {
    let mut site = Site::new().command("setsid sh -c 'sleep 1000 & echo $! >pid' ; cat pid; exit 3", |_| {});
    let ended = site.stage(true).look("it").unwrap();
    assert_eq!(ended.exit_code, 3);
    assert!(!is_alive(&ended.output), "a daemon was left behind: {}", ended.output);
}

#[test]
fn a_bomb_of_forks_is_ended() {
    // Bounded, should the test fail: each level starts two, ten levels deep.
    let bomb = "b() { [ $1 -gt 0 ] && { b $(($1 - 1)) & b $(($1 - 1)) & }; sleep 300; }; b 8";
    let mut site = Site::new().command(bomb, |command| command.time = Duration::from_millis(700));
    let mark = format!("{}", site.home.path().display());
    let ended = site.stage(true).look("it").unwrap();
    assert_eq!(ended.exit_code, 124);
    let here = |entry: &fs::DirEntry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&mark));
    let left = fs::read_dir("/proc").unwrap().flatten().filter(here).count();
    assert_eq!(left, 0);
}

#[test]
fn a_hog_gets_no_more_memory_than_it_may() {
    let hog = "dd if=/dev/zero of=/dev/null bs=400M count=1 2>&1 && echo had it";
    let ended = Site::new().command(hog, |command| command.memory = 100 << 20).run().unwrap();
    assert!(ended.exit_code != 0 && !ended.output.contains("had it"), "{ended:?}");
    assert!(shell(hog).output.contains("had it"));
    // From its first instruction on, and without a way to more.
    let limits = "ulimit -v; ulimit -Hv; ulimit -v unlimited 2>/dev/null && echo more";
    let ended = Site::new()
        .command(limits, |command| {
            (command.memory, command.user) =
                (100 << 20, rustix::process::geteuid().is_root().then_some((65534, 65534)));
        })
        .run()
        .unwrap();
    assert_eq!(ended.output, format!("{0}\n{0}", 100 << 10));
}

#[test]
fn a_flood_of_escapes_is_bounded_and_only_text() {
    let ended =
        shell("printf '\\033]0;owned\\007'; yes \"$(printf '\\033[2J')\" | head -c 5000000; echo; echo the end >&2");
    assert!(ended.output.len() < 1 << 20 && ended.output.ends_with("\nthe end"));
    assert!(ended.output.chars().all(|c| c == '\n' || !c.is_control()));
    let (_, left_out) = ended.extra.iter().find(|(name, _)| name == "left-out").unwrap();
    assert!(left_out.parse::<u64>().unwrap() > 4_000_000);
}

#[test]
fn the_operator_can_stop_it() {
    let mut site = Site::new().command("sleep 1000 & echo $! >pid; wait", |_| {});
    let (stop, pid) = (site.stop.clone(), site.home.path().join("pid"));
    let stage = site.stage(true);
    let watching = thread::spawn(move || {
        let pid = wait_for(&pid);
        stop.store(true, Ordering::Relaxed);
        pid
    });
    match stage.look("it") {
        Err(CallError::Fault(fault)) => assert_eq!(fault.code, "interrupted"),
        other => panic!("{other:?}"),
    }
    assert!(!is_alive(&watching.join().unwrap()));
}

/// The pipe to the supervisor is all that it knows of the host: it closes, however the host ends.
#[test]
fn when_the_host_dies_the_command_and_its_children_do() {
    let mut site = Site::new();
    let script = "sleep 1000 & echo $! >pid; wait";
    let order = order::Order {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        user: None,
        memory: 1 << 30,
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        directory: site.home.path().to_owned(),
    };
    let config = site.config.take().unwrap();
    let mut supervisor = std::process::Command::new(&config.supervisor)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut orders = supervisor.stdin.take().unwrap();
    std::io::Write::write_all(&mut orders, format!("{}\n", serde_json::to_string(&order).unwrap()).as_bytes()).unwrap();
    let pid = wait_for(&site.home.path().join("pid"));
    assert!(is_alive(&pid));
    drop(orders);
    assert!(supervisor.wait().unwrap().success());
    assert!(!is_alive(&pid));
}

#[test]
fn a_command_holds_the_lock_of_the_run_and_nothing_else_of_ours() {
    let mut site = Site::new().command("ls -l /proc/$$/fd | sed -n 's/.*-> //p'", |_| {});
    let lock = File::create(site.home.path().join("lock")).unwrap();
    let other = File::create(site.home.path().join("journal")).unwrap();
    site.config.as_mut().unwrap().lock = vec![lock];
    let output = site.stage(true).look("it").unwrap().output;
    drop(other);
    assert!(output.contains("/lock"), "{output}");
    assert!(!output.contains("/journal"), "{output}");
}

#[test]
fn root_gives_up_being_root() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let script = "id -u; id -g; id -G; umask; echo x >app/index.php && echo wrote";
    let ended = Site::new().command(script, |command| command.user = Some((65534, 65533))).run().unwrap();
    let lines: Vec<_> = ended.output.lines().collect();
    assert_eq!(lines[..4], ["65534", "65533", "65533", "0022"], "{lines:?}");
    assert!(!ended.output.contains("wrote"), "{lines:?}");
}

#[test]
fn what_a_command_did_to_its_reach_is_put_back() {
    let reach = |command: &mut Command| command.roots = vec![("app".into(), String::new())];
    let mut site = Site::new().command("echo new >app/index.php; mkdir app/cache; echo x >app/cache/x; exit 1", reach);
    let index = site.home.path().join("app/index.php");
    let commands = site.commands();
    let grant = CommandGrant { slot: "build".into(), commands: ["it".to_owned()].into(), read_only: false };
    let prepared = StageCommands::new(commands.clone(), grant).prepare(1, "it").unwrap();
    let change = prepared.change.clone();
    assert_eq!((change.object.as_str(), change.touches), ("it", true));
    assert!(!change.undo.to_string().contains("echo"), "words of the operator's are not for the journal");
    let ended: Ended = serde_json::from_value((prepared.act)().unwrap()).unwrap();
    assert_eq!(ended.exit_code, 1);
    assert_eq!(fs::read_to_string(&index).unwrap(), "new\n");
    assert_eq!(commands.settle(&change).unwrap(), Verdict::Again, "how far it came is not known");
    commands.undo(&change).unwrap();
    assert_eq!(fs::read_to_string(&index).unwrap(), "old");
    assert!(!site.home.path().join("app/cache").exists());
}
