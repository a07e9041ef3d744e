//! `liftlock:database/database`.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::component::Resource;

use super::rows;
use crate::capability::database::{
    ColumnDefinition, ColumnInfo, Driver, Executed, ForeignKey, Object, Page, SnapshotInfo, StageDatabase, Statement,
    Value,
};
use crate::effect::CallError;
use crate::engine::Touches;
use crate::sandbox::bindings::liftlock::database::database as wit;
use crate::sandbox::bindings::liftlock::run::types::Failure;
use crate::sandbox::guest::{Answer, ConnectionHandle, CursorHandle, Guest, TransactionHandle, answer, store, trap};

type Connection = Resource<ConnectionHandle>;
type Cursor = Resource<CursorHandle>;
type Transaction = Resource<TransactionHandle>;

impl Guest {
    fn database(&self, connection: &Connection) -> wasmtime::Result<String> {
        Ok(self.table.get(connection)?.database.clone())
    }

    fn ask<A: Serialize, T: Serialize + DeserializeOwned>(
        &mut self,
        function: &'static str,
        connection: &Connection,
        arguments: A,
        live: impl FnOnce(&StageDatabase, &str, &A) -> Result<T, CallError>,
    ) -> Answer<T, Failure> {
        let name = self.database(connection)?;
        let database = &self.database;
        let key = (&name, &arguments);
        answer(self.talk.read(function, &key, || live(database, &name, &arguments)))
    }

    fn open_cursor(&mut self, database: String, sql: String, params: Vec<wit::Value>) -> Answer<Cursor, Failure> {
        let params: Vec<Value> = params.into_iter().map(Into::into).collect();
        self.cursors += 1;
        let keep = format!("{:02}-{}", self.talk.context().index, self.cursors);
        let mut live = None;
        let called = self.talk.read("database.query", &(&database, &sql, &params), || {
            let cursor = self.database.query(&database, &sql, &params, &keep)?;
            let columns = cursor.columns().to_vec();
            live = Some(cursor);
            Ok(columns)
        });
        match answer::<Vec<ColumnInfo>, Failure>(called)? {
            Err(failure) => Ok(Err(failure)),
            Ok(columns) => {
                let handle = CursorHandle { database, keep, sql, params, columns, position: 0, live };
                self.open_cursors += 1;
                Ok(Ok(self.table.push(handle)?))
            }
        }
    }

    /// The database, if the stage may change it.
    fn writable(&mut self, database: &str) -> Answer<Arc<dyn Driver>, Failure> {
        match self.database.admit_write(database) {
            Ok(driver) => Ok(Ok(driver)),
            Err(refused) => self.refuse(refused),
        }
    }

    fn run_statement(&mut self, database: &str, sql: &str, params: Vec<wit::Value>) -> Answer<wit::Executed, Failure> {
        let params: Vec<Value> = params.into_iter().map(Into::into).collect();
        let driver = match self.writable(database)? {
            Ok(driver) => driver,
            Err(refused) => return Ok(Err(refused)),
        };
        let key = (database, sql, &params);
        let statement = Statement {
            sql,
            params: &params,
            now: self.talk.context().clock,
            define: self.database.may_define(database),
        };
        let called = if driver.commits_itself(sql) {
            let touched = store(driver);
            self.talk.effect("database.execute", &key, Touches::Database(&touched), |_| {
                self.database.prepare_statement(database, &statement)
            })
        } else {
            let live = || driver.execute(&statement);
            self.talk.data("database.execute", &store(driver.clone()), &key, live, |done: &Executed| done.affected)
        };
        Ok(answer(called)?.map(|done: Executed| wit::Executed {
            affected: done.affected,
            last_id: done.last_id,
            extra: done.extra,
        }))
    }

    fn transaction(&self, transaction: &Transaction) -> wasmtime::Result<Result<String, Failure>> {
        let handle = self.table.get(transaction)?;
        if handle.open {
            return Ok(Ok(handle.database.clone()));
        }
        let over = crate::effect::Failure::new("transaction-over", "the transaction is over");
        Ok(Err(over.into()))
    }
}

impl wit::HostConnection for Guest {
    fn dialect(&mut self, connection: Connection) -> wasmtime::Result<String> {
        let found = self.ask("database.dialect", &connection, (), |d, name, ()| Ok(d.dialect(name)?.to_owned()))?;
        Ok(found.unwrap_or_default())
    }

    fn server_version(&mut self, connection: Connection) -> wasmtime::Result<String> {
        let found = self.ask("database.server-version", &connection, (), |d, name, ()| d.server_version(name))?;
        Ok(found.unwrap_or_default())
    }

    fn objects(&mut self, connection: Connection) -> Answer<Vec<wit::Object>, Failure> {
        let found = self.ask("database.objects", &connection, (), |d, name, ()| d.objects(name))?;
        Ok(found.map(|all: Vec<Object>| all.into_iter().map(Into::into).collect()))
    }

    fn columns(&mut self, connection: Connection, table: String) -> Answer<Vec<wit::ColumnDefinition>, Failure> {
        let found = self.ask("database.columns", &connection, table, |d, name, table| d.columns(name, table))?;
        Ok(found.map(|all: Vec<ColumnDefinition>| all.into_iter().map(Into::into).collect()))
    }

    fn foreign_keys(&mut self, connection: Connection, table: String) -> Answer<Vec<wit::ForeignKey>, Failure> {
        let found =
            self.ask("database.foreign-keys", &connection, table, |d, name, table| d.foreign_keys(name, table))?;
        Ok(found.map(|all: Vec<ForeignKey>| all.into_iter().map(Into::into).collect()))
    }

    fn query(&mut self, connection: Connection, sql: String, params: Vec<wit::Value>) -> Answer<Cursor, Failure> {
        let database = self.database(&connection)?;
        self.open_cursor(database, sql, params)
    }

    fn execute(
        &mut self,
        connection: Connection,
        sql: String,
        params: Vec<wit::Value>,
    ) -> Answer<wit::Executed, Failure> {
        let database = self.database(&connection)?;
        self.run_statement(&database, &sql, params)
    }

    fn begin(&mut self, connection: Connection) -> Answer<Transaction, Failure> {
        let database = self.database(&connection)?;
        let driver = match self.writable(&database)? {
            Ok(driver) => driver,
            Err(refused) => return Ok(Err(refused)),
        };
        match answer::<(), Failure>(self.talk.begin(&store(driver)))? {
            Err(failure) => Ok(Err(failure)),
            Ok(()) => Ok(Ok(self.table.push(TransactionHandle { database, open: true })?)),
        }
    }

    fn snapshot(&mut self, connection: Connection, tables: Vec<String>) -> Answer<wit::SnapshotInfo, Failure> {
        let name = self.database(&connection)?;
        let database = &self.database;
        let frozen = self.talk.is_frozen();
        let called = self.talk.effect("database.snapshot", &(&name, &tables), Touches::Nothing, |effect| {
            database.prepare_snapshot(effect, &name, &tables, frozen)
        });
        let made: Result<SnapshotInfo, Failure> = answer(called)?;
        Ok(made.map(|info| {
            self.talk.mint("snapshot", &info.id);
            self.database.admit_snapshot(info.id.clone());
            info.into()
        }))
    }

    fn load(&mut self, connection: Connection, snapshot: String) -> Answer<wit::SnapshotInfo, Failure> {
        let name = self.database(&connection)?;
        let driver = match self.writable(&name)? {
            Ok(driver) => driver,
            Err(refused) => return Ok(Err(refused)),
        };
        let database = &self.database;
        let key = (&name, &snapshot);
        let touched = store(driver.clone());
        let called = if driver.load_commits_itself() {
            self.talk
                .effect("database.load", &key, Touches::Database(&touched), |_| database.prepare_load(&name, &snapshot))
        } else {
            let live = || database.load(&name, &snapshot);
            self.talk.data("database.load", &touched, &key, live, |info: &SnapshotInfo| info.rows)
        };
        Ok(answer(called)?.map(|info: SnapshotInfo| info.into()))
    }

    fn drop(&mut self, connection: Connection) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl wit::HostCursor for Guest {
    fn columns(&mut self, cursor: Cursor) -> wasmtime::Result<Vec<wit::ColumnInfo>> {
        self.talk.count().map_err(trap)?;
        Ok(self.table.get(&cursor)?.columns.iter().cloned().map(Into::into).collect())
    }

    fn next(&mut self, cursor: Cursor, max: u32) -> Answer<wit::Page, Failure> {
        let handle = self.table.get_mut(&cursor)?;
        let database = &self.database;
        let called = self.talk.read("database.next", &(&handle.keep, max), || {
            let live = match &mut handle.live {
                Some(live) => live,
                none => none.insert(database.reopen(
                    &handle.database,
                    &handle.sql,
                    &handle.params,
                    &handle.columns,
                    &handle.keep,
                    handle.position,
                )?),
            };
            live.next(max)
        });
        let page: Result<Page, Failure> = answer(called)?;
        Ok(page.map(|page| {
            handle.position += u64::from(page.rows);
            rows::page(page)
        }))
    }

    fn drop(&mut self, cursor: Cursor) -> wasmtime::Result<()> {
        self.table.delete(cursor)?;
        self.open_cursors -= 1;
        Ok(())
    }
}

impl wit::HostTransaction for Guest {
    fn query(&mut self, transaction: Transaction, sql: String, params: Vec<wit::Value>) -> Answer<Cursor, Failure> {
        match self.transaction(&transaction)? {
            Ok(database) => self.open_cursor(database, sql, params),
            Err(over) => Ok(Err(over)),
        }
    }

    fn execute(
        &mut self,
        transaction: Transaction,
        sql: String,
        params: Vec<wit::Value>,
    ) -> Answer<wit::Executed, Failure> {
        match self.transaction(&transaction)? {
            Ok(database) => self.run_statement(&database, &sql, params),
            Err(over) => Ok(Err(over)),
        }
    }

    fn commit(&mut self, transaction: Transaction) -> Answer<(), Failure> {
        if let Err(over) = self.transaction(&transaction)? {
            return Ok(Err(over));
        }
        self.table.get_mut(&transaction)?.open = false;
        answer(self.talk.commit())
    }

    fn rollback(&mut self, transaction: Transaction) -> Answer<(), Failure> {
        if let Err(over) = self.transaction(&transaction)? {
            return Ok(Err(over));
        }
        self.table.get_mut(&transaction)?.open = false;
        answer(self.talk.rollback())
    }

    fn drop(&mut self, transaction: Transaction) -> wasmtime::Result<()> {
        if self.table.delete(transaction)?.open {
            // Dropped without commit: as if it had not been.
            self.talk.rollback().map_err(trap)?.ok();
        }
        Ok(())
    }
}

impl wit::Host for Guest {
    fn open(&mut self, name: String) -> Answer<Connection, Failure> {
        self.talk.count().map_err(trap)?;
        match self.database.open(&name) {
            Ok(_) => Ok(Ok(self.table.push(ConnectionHandle { database: name })?)),
            Err(refused) => self.refuse(refused),
        }
    }
}
