//! `liftlock:files/files`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::component::Resource;
use xxhash_rust::xxh3::xxh3_128;

use crate::capability::files::{Bulk, Entry, Extracted, Place, StageFiles};
use crate::effect::{CallError, Prepared};
use crate::engine::Touches;
use crate::sandbox::bindings::liftlock::files::files;
use crate::sandbox::bindings::liftlock::run::types::Failure;
use crate::sandbox::guest::{Answer, DirectoryHandle, Guest, answer};

type Directory = Resource<DirectoryHandle>;

impl Guest {
    fn place(&self, directory: &Directory) -> wasmtime::Result<Place> {
        Ok(self.table.get(directory)?.place.clone())
    }

    fn look<A: Serialize, T: Serialize + DeserializeOwned>(
        &mut self,
        function: &'static str,
        directory: &Directory,
        arguments: A,
        live: impl FnOnce(&StageFiles, &Place, &A) -> Result<T, CallError>,
    ) -> Answer<T, Failure> {
        let place = self.place(directory)?;
        let files = &self.files;
        let key = (&place, &arguments);
        answer(self.talk.read(function, &key, || live(files, &place, &arguments)))
    }

    /// A change at these paths of a place. What is refused whatever is there must not cost a freeze.
    fn change<A: Serialize, T: DeserializeOwned>(
        &mut self,
        function: &'static str,
        place: &Place,
        paths: &[&str],
        arguments: &A,
        prepare: impl FnOnce(&StageFiles, u64) -> Result<Prepared, CallError>,
    ) -> Answer<T, Failure> {
        let touches = self.files.touches(place);
        if touches && let Err(refused) = paths.iter().try_for_each(|path| self.files.admit_change(place, path)) {
            return self.refuse(refused);
        }
        let files = &self.files;
        let touches = if touches { Touches::Files } else { Touches::Nothing };
        answer(self.talk.effect(function, &(place, arguments), touches, |effect| prepare(files, effect)))
    }

    fn open(&mut self, place: Result<Place, CallError>) -> Answer<Directory, Failure> {
        match place {
            Ok(place) => Ok(Ok(self.table.push(DirectoryHandle { place })?)),
            Err(refused) => self.refuse(refused),
        }
    }
}

impl files::HostDirectory for Guest {
    fn stat(&mut self, directory: Directory, path: String) -> Answer<Option<files::Entry>, Failure> {
        let found = self.look("files.stat", &directory, path, |f, place, path| f.stat(place, path))?;
        Ok(found.map(|entry| entry.map(Into::into)))
    }

    fn list(
        &mut self,
        directory: Directory,
        path: String,
        after: Option<String>,
        limit: u32,
    ) -> Answer<Vec<files::Entry>, Failure> {
        let found = self.look("files.list", &directory, (path, after, limit), |f, place, (path, after, limit)| {
            f.list(place, path, after.as_deref(), *limit)
        })?;
        Ok(found.map(|entries: Vec<Entry>| entries.into_iter().map(Into::into).collect()))
    }

    fn read(&mut self, directory: Directory, path: String, offset: u64, length: u64) -> Answer<Vec<u8>, Failure> {
        self.look("files.read", &directory, (path, offset, length), |f, place, (path, offset, length)| {
            f.read(place, path, *offset, *length)
        })
    }

    fn digest(&mut self, directory: Directory, path: String) -> Answer<String, Failure> {
        self.look("files.digest", &directory, path, |f, place, path| f.digest(place, path))
    }

    fn digest_tree(&mut self, directory: Directory, path: String) -> Answer<files::Bulk, Failure> {
        let done = self.look("files.digest-tree", &directory, path, |f, place, path| f.digest_tree(place, path))?;
        Ok(done.map(Into::into))
    }

    fn free_space(&mut self, directory: Directory) -> Answer<u64, Failure> {
        self.look("files.free-space", &directory, (), |f, place, ()| f.free_space(place, ""))
    }

    fn write(&mut self, directory: Directory, path: String, data: Vec<u8>) -> Answer<(), Failure> {
        let place = self.place(&directory)?;
        let key = (&path, xxh3_128(&data));
        self.change("files.write", &place, &[&path], &key, |f, effect| f.prepare_write(effect, &place, &path, &data))
    }

    fn append(&mut self, directory: Directory, path: String, data: Vec<u8>) -> Answer<(), Failure> {
        let place = self.place(&directory)?;
        let key = (&path, xxh3_128(&data));
        self.change("files.append", &place, &[&path], &key, |f, effect| f.prepare_append(effect, &place, &path, &data))
    }

    fn make_dir(&mut self, directory: Directory, path: String) -> Answer<(), Failure> {
        let place = self.place(&directory)?;
        self.change("files.make-dir", &place, &[&path], &path, |f, effect| f.prepare_make_dir(effect, &place, &path))
    }

    fn remove(&mut self, directory: Directory, path: String) -> Answer<(), Failure> {
        let place = self.place(&directory)?;
        self.change("files.remove", &place, &[&path], &path, |f, effect| f.prepare_remove(effect, &place, &path))
    }

    fn rename(&mut self, directory: Directory, from: String, to: String) -> Answer<(), Failure> {
        let place = self.place(&directory)?;
        let key = (&from, &to);
        self.change("files.rename", &place, &[&from, &to], &key, |f, effect| {
            f.prepare_rename(effect, &place, &from, &to)
        })
    }

    fn set_mode(&mut self, directory: Directory, path: String, mode: u32) -> Answer<(), Failure> {
        let place = self.place(&directory)?;
        self.change("files.set-mode", &place, &[&path], &(&path, mode), |f, effect| {
            f.prepare_set_mode(effect, &place, &path, mode)
        })
    }

    fn copy_tree(
        &mut self,
        directory: Directory,
        from: String,
        target: Directory,
        to: String,
    ) -> Answer<files::Bulk, Failure> {
        let (source, target) = (self.place(&directory)?, self.place(&target)?);
        let key = (&source, &from, &to);
        // Where the copy goes decides whether the live installation changes.
        let done = self.change("files.copy-tree", &target, &[&to], &key, |f, effect| {
            f.prepare_copy_tree(effect, &source, &from, &target, &to)
        })?;
        Ok(done.map(|bulk: Bulk| bulk.into()))
    }

    fn move_tree(
        &mut self,
        directory: Directory,
        from: String,
        target: Directory,
        to: String,
    ) -> Answer<files::Bulk, Failure> {
        let (source, target) = (self.place(&directory)?, self.place(&target)?);
        let (live, path) = if self.files.touches(&source) { (&source, &from) } else { (&target, &to) };
        let key = (&source, &target, &from, &to);
        let done = self.change("files.move-tree", live, &[path], &key, |f, effect| {
            f.prepare_move_tree(effect, &source, &from, &target, &to)
        })?;
        Ok(done.map(|bulk: Bulk| bulk.into()))
    }

    fn drop(&mut self, directory: Directory) -> wasmtime::Result<()> {
        self.table.delete(directory)?;
        Ok(())
    }
}

impl files::Host for Guest {
    fn open_root(&mut self, name: String) -> Answer<Directory, Failure> {
        self.talk.count().map_err(crate::sandbox::guest::trap)?;
        let place = self.files.open_root(&name);
        self.open(place)
    }

    fn open_tree(&mut self, id: String) -> Answer<Directory, Failure> {
        self.talk.count().map_err(crate::sandbox::guest::trap)?;
        let place = self.files.open_tree(&id);
        self.open(place)
    }

    fn extract(&mut self, artifact: String, root: String, strip: u32) -> Answer<files::Extracted, Failure> {
        let files = &self.files;
        let key = (&artifact, &root, strip);
        let called = self.talk.effect("files.extract", &key, Touches::Nothing, |effect| {
            files.prepare_extract(effect, &artifact, &root, strip)
        });
        let done: Result<Extracted, Failure> = answer(called)?;
        Ok(done.map(|made| {
            self.talk.mint("tree", &made.tree);
            self.files.admit_tree(&made.tree);
            files::Extracted { tree: made.tree, entries: made.entries, bytes: made.bytes, extra: made.extra }
        }))
    }

    fn switch_entries(
        &mut self,
        tree: String,
        entries: Vec<String>,
        carry: Vec<(String, String)>,
    ) -> Answer<files::Bulk, Failure> {
        let files = &self.files;
        let key = (&tree, &entries, &carry);
        let called = self.talk.effect("files.switch-entries", &key, Touches::Files, |effect| {
            files.prepare_switch(effect, &tree, &entries, &carry)
        });
        Ok(answer(called)?.map(|bulk: Bulk| bulk.into()))
    }

    fn discard(&mut self, id: String) -> Answer<files::Bulk, Failure> {
        let files = &self.files;
        let called =
            self.talk.effect("files.discard", &id, Touches::Nothing, |effect| files.prepare_discard(effect, &id));
        Ok(answer(called)?.map(|bulk: Bulk| bulk.into()))
    }
}

impl From<Entry> for files::Entry {
    fn from(entry: Entry) -> Self {
        Self {
            name: entry.name,
            kind: entry.kind,
            size: entry.size,
            mode: entry.mode,
            modified: entry.modified,
            extra: entry.extra,
        }
    }
}

impl From<Bulk> for files::Bulk {
    fn from(bulk: Bulk) -> Self {
        Self { entries: bulk.entries, bytes: bulk.bytes, extra: bulk.extra }
    }
}
