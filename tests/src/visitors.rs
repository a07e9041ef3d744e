//! Visitors of a newsletter that is being upgraded: they upload files and insert rows, as fast as is sensible, and note what
//! was acknowledged to them.
//!
//! They honour the freeze as the application does: they look for the maintenance page, and then write. The slow ones take a
//! while for it, and one begins an upload before each freeze and ends it within, as late as the drain allows: there are always
//! writes in flight, and those that began before the page was there must come to their end within the drain.

mod losses;
mod times;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::fixture::{Database, Installation};
use crate::mariadb::Client;

pub use crate::fixture::PAGE;
pub use losses::{Losses, Present, losses};
pub use times::{Times, events};

/// How long the slow ones take for a write.
pub const SLOW: Duration = Duration::from_millis(250);
/// How long after the maintenance page has come the last upload is still under way, at most: it ends when other files go live.
const LAST: Duration = Duration::from_secs(1);

/// Between two writes of a fast one, and two looks for the maintenance page.
const PAUSE: Duration = Duration::from_millis(40);
/// Between two looks of who waits for something to happen.
const LOOK: Duration = Duration::from_millis(1);

/// Whether visitors look for the maintenance page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// They do, as the application does.
    Honour,
    /// They do not: a control.
    Ignore,
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file: its path in version 2.
    File(String),
    /// A line at the end of a file.
    Line(String, String),
    /// A row: its table without prefix, and its key, which is in one of its columns.
    Row(&'static str, String),
    /// The points of a contact.
    Points(u32),
}

impl Place {
    /// Whether it is in a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File(_) | Self::Line(..))
    }
}

/// A write that was acknowledged.
#[derive(Debug, Clone)]
pub struct Written {
    /// Where.
    pub place: Place,
    /// What is there then; none: it was deleted.
    pub value: Option<String>,
    /// When the visitor had looked for the maintenance page, in milliseconds since 1970.
    pub begun: u64,
    /// When it was acknowledged.
    pub done: u64,
    /// The page was there by then.
    pub in_flight: bool,
}

/// All that visitors have done.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// In the order of each visitor.
    pub written: Vec<Written>,
    /// Writes that failed, and were not acknowledged: why.
    pub failed: Vec<String>,
}

/// Visitors at work. Dropped: they stop.
pub struct Visitors {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Story>>,
}

impl Visitors {
    /// Two who upload, two who insert, one of each slow, and one whose upload is in flight at each freeze. Their names tell those
    /// of several generations apart.
    ///
    /// # Errors
    /// What the server says.
    pub fn start(installation: &Installation, generation: &str, manners: Manners) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let visitor = |pace, letter| {
            let (root, name) = (installation.root.clone(), format!("{generation}{letter}"));
            Visitor { root, manners, stop: stop.clone(), pace, name }
        };
        for visitor in [visitor(Pace::Fast, "f"), visitor(Pace::Slow, "s")] {
            let mut rows = Rows::new(installation, visitor.clone())?;
            let mut uploads = Uploads { mails: Vec::new(), visitor: visitor.clone() };
            let uploader = visitor.clone();
            threads.push(thread::spawn(move || uploader.visit(|number| uploads.write(number))));
            threads.push(thread::spawn(move || visitor.visit(|number| rows.write(number))));
        }
        let last = visitor(Pace::Last, "l");
        let uploads = Uploads { mails: Vec::new(), visitor: last.clone() };
        threads.push(thread::spawn(move || last.visit(|number| uploads.theme(number))));
        Ok(Self { stop, threads })
    }

    /// They finish what they are at, and go. What they have done.
    ///
    /// # Errors
    /// If one of them has died.
    pub fn stop(mut self) -> Result<Story> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Story::default();
        for thread in self.threads.drain(..) {
            let Ok(story) = thread.join() else { bail!("a visitor has died") };
            all.written.extend(story.written);
            all.failed.extend(story.failed);
        }
        Ok(all)
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| _ = thread.join());
    }
}

/// Milliseconds since 1970: the journal has the same.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[derive(Clone)]
struct Visitor {
    root: PathBuf,
    manners: Manners,
    stop: Arc<AtomicBool>,
    pace: Pace,
    name: String,
}

/// How long a write takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Fast,
    Slow,
    /// It is begun before a freeze and ended after it.
    Last,
}

type Done = Vec<(Place, Option<String>)>;

impl Visitor {
    /// Writes until it is told to stop.
    fn visit(&self, mut write: impl FnMut(u32) -> Result<Done>) -> Story {
        let mut story = Story::default();
        let mut number = 0;
        while !self.stop.load(Ordering::Relaxed) {
            if self.manners == Manners::Honour && self.is_frozen() {
                thread::sleep(PAUSE);
                continue;
            }
            let begun = now();
            match write(number) {
                Ok(done) => {
                    let (in_flight, done_at) = (self.is_frozen(), now());
                    let written = |(place, value)| Written { place, value, begun, done: done_at, in_flight };
                    story.written.extend(done.into_iter().map(written));
                }
                Err(error) => story.failed.push(format!("{} at {begun}: {error:#}", self.name)),
            }
            number += 1;
            thread::sleep(PAUSE);
        }
        story
    }

    fn is_frozen(&self) -> bool {
        self.root.join(PAGE).exists()
    }

    /// In the middle of a write.
    fn take_time(&self) {
        match self.pace {
            Pace::Fast => {}
            Pace::Slow => thread::sleep(SLOW),
            Pace::Last => {
                let goes_on = || !self.stop.load(Ordering::Relaxed);
                while goes_on() && !self.is_frozen() {
                    thread::sleep(LOOK);
                }
                let (end, is_old) = (Instant::now() + LAST, is_old(&self.root));
                while goes_on() && Instant::now() < end && self::is_old(&self.root) == is_old {
                    thread::sleep(LOOK);
                }
            }
        }
    }
}

/// Whether the files are of the old version.
fn is_old(root: &Path) -> bool {
    root.join("app/version.txt").exists()
}

/// Where the application has what version 2 has at this path.
fn path_now(root: &Path, path: &str) -> PathBuf {
    for moved in ["spool", "logs"] {
        if let Some(rest) = path.strip_prefix(&format!("app/{moved}/"))
            && !is_old(root)
        {
            return root.join("var").join(moved).join(rest);
        }
    }
    root.join(path)
}

/// Who uploads.
struct Uploads {
    visitor: Visitor,
    /// Mails that wait.
    mails: Vec<String>,
}

impl Uploads {
    fn write(&mut self, number: u32) -> Result<Done> {
        let name = format!("visitor-{}-{number}", self.visitor.name);
        let path = match number % 14 {
            0 => format!("media/images/{name}.png"),
            1 => format!("media/files/{name}.pdf"),
            2 => format!("media/images/newsletter/{name}.png"),
            3 => format!("media/dashboards/{name}.json"),
            4 => format!("plugins/AcmeSyncBundle/Assets/{name}.png"),
            5 => format!("media/{name}/photo.jpg"),
            6 => format!("media/css/{name}.css"),
            7 => format!("translations/de_AT/CoreBundle/{name}.ini"),
            8 => format!("themes/acme/html/{name}.twig"),
            9 => format!("themes/{name}/config.json"),
            10 => format!("themes/blank/html/{name}.twig"),
            11 => {
                let path = format!("app/spool/default/{name}.message");
                self.mails.push(path.clone());
                path
            }
            12 => return self.append(&format!("media/files/visitors-{}.csv", self.visitor.name), name),
            _ if number % 28 == 13 => match self.mails.pop() {
                Some(mail) => return self.send(mail),
                None => return Ok(Vec::new()),
            },
            // The same path again and again.
            _ => format!("media/images/newsletter/{}.png", self.visitor.name),
        };
        self.upload(path, name)
    }

    /// Into a directory that the new version has too, and brings its own.
    fn theme(&self, number: u32) -> Result<Done> {
        let name = format!("visitor-{}-{number}", self.visitor.name);
        self.upload(format!("themes/blank/html/{name}.twig"), name)
    }

    /// As PHP's `move_uploaded_file`: a temporary file, and a rename.
    fn upload(&self, path: String, content: String) -> Result<Done> {
        let to = path_now(&self.visitor.root, &path);
        let directory = to.parent().context("a file is in a directory")?;
        let new = path.starts_with("media/visitor") || path.starts_with("themes/visitor");
        if new && !directory.exists() {
            fs::create_dir(directory)?;
        }
        let part = directory.join(format!("upload-{}.part", self.visitor.name));
        fs::write(&part, &content).with_context(|| path.clone())?;
        self.visitor.take_time();
        fs::rename(&part, &to).with_context(|| path.clone())?;
        Ok(vec![(Place::File(path), Some(content))])
    }

    fn append(&self, path: &str, line: String) -> Result<Done> {
        let mut file = OpenOptions::new().append(true).create(true).open(path_now(&self.visitor.root, path))?;
        self.visitor.take_time();
        file.write_all(format!("{line}\n").as_bytes())?;
        Ok(vec![(Place::Line(path.to_owned(), line.clone()), Some(line))])
    }

    /// A mail that was sent is deleted. One that `undo` has taken away need not be.
    fn send(&self, mail: String) -> Result<Done> {
        self.visitor.take_time();
        let _ = fs::remove_file(path_now(&self.visitor.root, &mail));
        Ok(vec![(Place::File(mail), None)])
    }
}

/// Who inserts.
struct Rows {
    visitor: Visitor,
    client: Client,
    prefix: String,
    address: String,
    company: String,
}

/// Tables with their column that has a visitor's key. Migrations alter half of them.
const TABLES: [(&str, &str); 6] = [
    ("leads", "firstname"),
    ("email_stats", "email_address"),
    ("page_hits", "tracking_id"),
    ("webhooks", "name"),
    ("lead_devices", "device"),
    ("lead_donotcontact", "comments"),
];

impl Rows {
    fn new(installation: &Installation, visitor: Visitor) -> Result<Self> {
        let Database::Server(schema) = &installation.database else { bail!("Mautic is on a server") };
        let (mut client, prefix) = (schema.client()?, installation.prefix.clone());
        let address = client.cell(&format!("SELECT MIN(id) FROM {prefix}ip_addresses"))?;
        let company = client.cell(&format!("SELECT MIN(id) FROM {prefix}companies"))?;
        Ok(Self { visitor, client, prefix, address, company })
    }

    /// One transaction: a contact with all that comes with it; every fourth time a contact's points beside.
    fn write(&mut self, number: u32) -> Result<Done> {
        let key = format!("visitor-{}-{number}", self.visitor.name);
        let done = self.transaction(&key, number);
        if done.is_err() {
            let _ = self.client.run("ROLLBACK");
        }
        done
    }

    fn transaction(&mut self, key: &str, number: u32) -> Result<Done> {
        let (p, address, company) = (&self.prefix, &self.address, &self.company);
        // A scan would lock the other visitor out.
        let lead = "@lead";
        let of_company = match is_old(&self.visitor.root) {
            true => ("company_id, lead_id, date_added, is_primary, manually_added, manually_removed", ", 1, 0"),
            false => ("company_id, lead_id, date_added, is_primary", ""),
        };
        let mut statements = vec![
            "START TRANSACTION".to_owned(),
            format!(
                "INSERT INTO {p}leads (is_published, points, firstname, email) VALUES (1, 7, '{key}', '{key}@example.org')"
            ),
            "SET @lead = LAST_INSERT_ID()".to_owned(),
            format!(
                "INSERT INTO {p}email_stats (lead_id, email_address, date_sent, is_read, is_failed, viewed_in_browser) VALUES ({lead}, '{key}', NOW(), 0, 0, 0)"
            ),
            format!(
                "INSERT INTO {p}page_hits (lead_id, ip_id, date_hit, code, tracking_id) VALUES ({lead}, {address}, NOW(), 200, '{key}')"
            ),
            format!(
                "INSERT INTO {p}webhooks (is_published, name, webhook_url) VALUES (1, '{key}', 'https://example.org/')"
            ),
            format!("INSERT INTO {p}lead_devices (lead_id, date_added, device) VALUES ({lead}, NOW(), '{key}')"),
            format!(
                "INSERT INTO {p}lead_donotcontact (lead_id, date_added, reason, channel, comments) VALUES ({lead}, NOW(), 1, 'email', '{key}')"
            ),
            format!(
                "INSERT INTO {p}companies_leads ({}) VALUES ({company}, {lead}, NOW(), 1{})",
                of_company.0, of_company.1
            ),
        ];
        let mut done: Done =
            TABLES.iter().map(|(table, _)| (Place::Row(table, key.to_owned()), Some(String::new()))).collect();
        done.push((Place::Row("companies_leads", key.to_owned()), Some(String::new())));
        if number % 4 == 3 {
            // Two visitors never have the same contact.
            let id = 1 + number % 3 + if self.visitor.pace == Pace::Slow { 3 } else { 0 };
            let points = 1000 + number;
            statements.push(format!("UPDATE {p}leads SET points = {points} WHERE id = {id}"));
            done.push((Place::Points(id), Some(points.to_string())));
        }
        for statement in &statements {
            self.client.run(statement)?;
        }
        self.visitor.take_time();
        self.client.run("COMMIT")?;
        Ok(done)
    }
}
