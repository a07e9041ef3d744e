//! A browser without a window: what visitors read on a page, in real time.
//!
//! It is driven over a pair of pipes (`--remote-debugging-pipe`): JSON objects, each ended by a zero byte.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where Debian has it.
const PROGRAM: &str = "/usr/bin/chromium";

/// No answer takes longer, even on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running browser. It ends when it is dropped.
pub struct Browser {
    child: Child,
    orders: ChildStdin,
    answers: Receiver<Value>,
    asked: u64,
    _profile: TempDir,
}

/// A page that is open in it.
#[derive(Debug, Clone)]
pub struct Tab(String);

impl Browser {
    /// Starts it. None where there is none.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start() -> Result<Option<Self>> {
        if !Path::new(PROGRAM).exists() {
            return Ok(None);
        }
        let profile = tempfile::tempdir()?;
        // It reads orders from descriptor 3 and answers to 4.
        let shell = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut child = Command::new("sh")
            .args(["-c", shell, PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args([
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("cannot start the browser")?;
        let orders = child.stdin.take().context("no pipe to the browser")?;
        let (sender, answers) = channel();
        let mut pipe = BufReader::new(child.stdout.take().context("no pipe from the browser")?);
        thread::spawn(move || {
            let mut message = Vec::new();
            while pipe.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let sent = serde_json::from_slice(&message).map(|value| sender.send(value));
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
                message.clear();
            }
        });
        Ok(Some(Self { child, orders, answers, asked: 0, _profile: profile }))
    }

    /// Opens an address in a new tab, with or without JavaScript.
    ///
    /// # Errors
    /// What the browser says.
    pub fn open(&mut self, address: &str, javascript: bool) -> Result<Tab> {
        let target = self.order(None, "Target.createTarget", &json!({ "url": "about:blank" }))?["targetId"].clone();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = self.order(None, "Target.attachToTarget", &attach)?["sessionId"].clone();
        let tab = Tab(session.as_str().context("no session")?.to_owned());
        if !javascript {
            self.order(Some(&tab), "Emulation.setScriptExecutionDisabled", &json!({ "value": true }))?;
        }
        self.order(Some(&tab), "Page.navigate", &json!({ "url": address }))?;
        self.reads(&tab, PATIENCE, |text| !text.is_empty())?;
        Ok(tab)
    }

    /// What a visitor reads on it.
    ///
    /// # Errors
    /// What the browser says.
    pub fn text(&mut self, tab: &Tab) -> Result<String> {
        let expression = "document.body ? document.body.innerText : ''";
        // While it loads there may be nothing to ask.
        let said = self.order(Some(tab), "Runtime.evaluate", &json!({ "expression": expression }));
        Ok(said.map(|said| said["result"]["value"].as_str().unwrap_or_default().to_owned()).unwrap_or_default())
    }

    /// Waits until it reads so, and says how long that took.
    ///
    /// # Errors
    /// With what it reads instead, if it does not in this time.
    pub fn reads(&mut self, tab: &Tab, time: Duration, holds: impl Fn(&str) -> bool) -> Result<Duration> {
        let begun = Instant::now();
        loop {
            let text = self.text(tab)?;
            if holds(&text) {
                return Ok(begun.elapsed());
            }
            ensure!(begun.elapsed() < time, "after {time:?} the page reads:\n{text}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Keeps what it looks like.
    ///
    /// # Errors
    /// What the browser or the file system says.
    pub fn screenshot(&mut self, tab: &Tab, file: &Path) -> Result<PathBuf> {
        // A page that is just asking for itself anew has no picture.
        let mut shot = Err(anyhow::anyhow!("no picture"));
        for _ in 0..20 {
            shot = self.order(Some(tab), "Page.captureScreenshot", &json!({ "format": "png" }));
            if shot.is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        let shot = shot?;
        let bytes = BASE64.decode(shot["data"].as_str().context("no picture")?.as_bytes())?;
        fs::create_dir_all(file.parent().context("no directory")?)?;
        fs::write(file, bytes)?;
        Ok(file.to_owned())
    }

    fn order(&mut self, tab: Option<&Tab>, method: &str, parameters: &Value) -> Result<Value> {
        self.asked += 1;
        let mut order = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(Tab(session)) = tab {
            order["sessionId"] = json!(session);
        }
        self.orders.write_all(format!("{order}\0").as_bytes())?;
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let answer = self.answers.recv_timeout(left).with_context(|| format!("no answer to {method}"))?;
            if answer["id"] != self.asked {
                continue;
            }
            if let Some(error) = answer.get("error") {
                bail!("{method}: {error}");
            }
            return Ok(answer["result"].clone());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
    }
}
