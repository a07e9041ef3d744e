//! The connections of a session: opened when they are needed, and again when they were lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::super::link::{Account, Link};
use super::super::{MysqlConfig, error, lock, server};
use super::{Batch, Session, Stage};
use crate::effect::Fault;

/// How long to wait for a server that was there before, and is gone.
const RETURN_TIME: Duration = Duration::from_secs(30);

impl Session {
    /// Does something on the stage's session, which holds the locks of the run.
    pub(in super::super) fn behind_lock<T>(
        &mut self,
        act: impl FnOnce(&mut Link, &MysqlConfig) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let config = Arc::clone(&self.config);
        let done = act(&mut self.locked()?.link, &config);
        if done.as_ref().is_err_and(|fault| fault.code == "connection-lost" || fault.code == "batch-lost") {
            self.lose();
        }
        done
    }

    /// Does something on the host's own connection; once more, if it was lost meanwhile: what is done here can be repeated.
    pub(in super::super) fn host<T>(
        &mut self,
        mut act: impl FnMut(&mut Link, &MysqlConfig) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let config = Arc::clone(&self.config);
        let known = self.host.is_some();
        let done = act(self.host_link()?, &config);
        match done {
            Err(fault) if fault.code == "connection-lost" => {
                self.host = None;
                self.patient = true;
                if known { act(self.host_link()?, &config) } else { Err(fault) }
            }
            done => done,
        }
    }

    /// The stage's connection with the locks of the run. One that was lost since the last call is noticed here.
    pub(super) fn locked(&mut self) -> Result<&mut Stage, Fault> {
        let known = self.stage.is_some();
        match self.take_locks() {
            Err(fault) if known && fault.code == "connection-lost" => {
                self.lose();
                self.take_locks()?;
            }
            done => done?,
        }
        self.stage()
    }

    fn take_locks(&mut self) -> Result<(), Fault> {
        let config = Arc::clone(&self.config);
        let stage = self.stage()?;
        if !stage.locked {
            lock::take(&mut stage.link, &config)?;
            stage.locked = true;
            // An orphan that was waited for may have changed it.
            self.forget_schema();
        }
        Ok(())
    }

    /// The stage's connection. Not while a lost batch is not given up: what comes next belongs to it.
    pub(super) fn stage(&mut self) -> Result<&mut Stage, Fault> {
        if let Batch::Lost(why) = &self.batch {
            return Err(error::batch_lost(self.name(), why));
        }
        if self.stage.is_none() {
            let mut link = self.connect(Account::Stage)?;
            let facts = server::set_up(&mut link, &self.config)?;
            self.stage = Some(Stage { link, facts, locked: false, clock: None });
        }
        self.stage.as_mut().ok_or_else(|| Fault::new("internal", "a session that was just opened is gone"))
    }

    pub(super) fn host_link(&mut self) -> Result<&mut Link, Fault> {
        if self.host.is_none() {
            self.host = Some(self.connect(Account::Host)?);
        }
        self.host.as_mut().ok_or_else(|| Fault::new("internal", "a session that was just opened is gone"))
    }

    /// Connects. A server that was there before may be starting again.
    fn connect(&mut self, account: Account) -> Result<Link, Fault> {
        let until = Instant::now() + RETURN_TIME;
        let mut pause = Duration::from_millis(20);
        loop {
            let fault = match Link::open(&self.config, account) {
                Ok(link) => {
                    self.patient = false;
                    return Ok(link);
                }
                Err(fault) => fault,
            };
            let may_return = self.patient && fault.code == "database-unreachable" && Instant::now() < until;
            if !may_return || self.config.stop.load(Ordering::SeqCst) {
                return Err(fault);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// The stage's connection is gone, and an open batch with it.
    pub(super) fn lose(&mut self) {
        self.stage = None;
        self.patient = true;
        if self.batch == Batch::Open {
            self.batch = Batch::Lost("the connection was lost".to_owned());
        }
    }

    /// The engine has given a lost batch up.
    pub(super) fn give_up_lost(&mut self) {
        if matches!(self.batch, Batch::Lost(_)) {
            self.batch = Batch::None;
        }
    }

    /// A read outside a batch: in a transaction in which the server admits no change. A connection that was lost since the
    /// last call is noticed here.
    pub(super) fn begin_read(&mut self) -> Result<(), Fault> {
        const SQL: &str = "START TRANSACTION READ ONLY";
        let known = self.stage.is_some();
        let mut begun = self.stage()?.link.run(SQL);
        if begun.is_err() && known {
            self.lose();
            begun = self.stage()?.link.run(SQL);
        }
        begun.map(drop).map_err(|error| {
            self.lose();
            error::fault(self.name(), SQL, &error)
        })
    }

    pub(super) fn end_read(&mut self) {
        if let Some(stage) = &mut self.stage
            && stage.link.run("COMMIT").is_err()
        {
            self.lose();
        }
    }
}
