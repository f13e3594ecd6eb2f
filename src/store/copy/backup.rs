//! Making a backup beside a running daemon: it reads, and changes nothing in the store.

use super::check::{Damage, is_below, read_manifest, record_of};
use super::named::{Named, ORIGINAL, mend, named, stays_out};
use super::{
    CHANGING, COPY_FORMAT, Changing, Copy, CopyError, CopyOf, LISTS, List, MANIFEST, Manifest, Progress,
    Segment, UNFINISHED, Unfinished, copy_in, digest_of_file, files_below, make_dirs, part_of, pump, replace,
    replace_json,
};
use crate::record::{RegistrationNumber, StorePlace};
use crate::store::StoreError;
use crate::store::entry::{Event, digest_of};
use crate::store::journal::{self, CHAIN_START, segments, sync_dir};
use crate::store::original::{ORIGINALS, Originals, digest_of_original};
use crate::store::sealed::Sealing;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a backup came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// The journal up to this entry.
    pub entries: u64,
    /// Files in the backup, and what they measure.
    pub files: u64,
    pub bytes: u64,
    /// Those that this time brought.
    pub new_files: u64,
    pub new_bytes: u64,
    /// Records whose files were destroyed in the store, and went from the copy this time.
    pub purged: u64,
    /// When a backup was begun that was cut off; this one went on from it.
    pub resumed: Option<Timestamp>,
    /// Damaged files of the copy that were copied once more.
    pub mended: u64,
    /// Files of the store that are missing or not what was written. The backup holds all others.
    pub absent: Vec<String>,
}

/// Makes or goes on with the backup in `dir` of the store in `store`, and checks it: every file in it is read back.
/// `progress` is told the files and bytes that were looked at so far.
///
/// # Errors
/// [`CopyError::Refused`] when `dir` holds something else, or a backup of another store or office; [`CopyError::Damaged`]
/// when what was read back is not what was written and cannot be copied again. The last good backup stays as it was.
pub fn backup(
    store: &StorePlace,
    dir: &Path,
    of: &CopyOf<'_>,
    now: Timestamp,
    progress: &mut Progress<'_>,
) -> Result<BackupReport, CopyError> {
    if !store.join("journal").is_dir() {
        return Err(CopyError::Refused(format!("{} is no store of bode: nothing to copy", store.display())));
    }
    make_dirs(dir)?;
    apart(store, dir)?;
    let copy = Copy::open(dir)?;
    let state = read_manifest(dir)?;
    if let Some(old) = state.manifest.as_ref().filter(|old| old.office != of.office) {
        return Err(CopyError::Refused(format!(
            "{} holds the backup of {}, this is {}: choose another directory",
            dir.display(),
            old.office,
            of.office
        )));
    }
    if state.manifest.is_none() && state.cut_off.is_none() && !is_empty(dir)? {
        return Err(CopyError::Refused(format!(
            "{} is not empty and holds no backup of bode: choose an empty directory",
            dir.display()
        )));
    }
    replace_json(&dir.join(UNFINISHED), &Unfinished { begun_at: state.cut_off.unwrap_or(now) })?;
    let work = Work {
        source: Originals::at(store.join("originals"), Sealing::of(store, false)?),
        target: Originals::at(copy.store().join("originals"), Sealing::default()),
        old: state.manifest,
        report: BackupReport { resumed: state.cut_off, ..BackupReport::default() },
        list: None,
        absent: Vec::new(),
        done: (0, 0),
        store,
        copy,
        progress,
    };
    work.run(of, now)
}

/// Neither of two directories may lie within the other.
fn apart(store: &Path, dir: &Path) -> Result<(), CopyError> {
    let real = |path: &Path| fs::canonicalize(path).map_err(StoreError::io("look at", path));
    let (one, other) = (real(store)?, real(dir)?);
    if one.starts_with(&other) || other.starts_with(&one) {
        return Err(CopyError::Refused(format!(
            "{} and the store {} lie within each other: choose a directory elsewhere, best on another disk",
            dir.display(),
            store.display()
        )));
    }
    Ok(())
}

fn is_empty(dir: &Path) -> Result<bool, StoreError> {
    for item in fs::read_dir(dir).map_err(StoreError::io("list", dir))? {
        let name = item.map_err(StoreError::io("list", dir))?.file_name();
        // Our own lock, and what every new file system has.
        if name != ".lock" && name != "lost+found" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a walk over the journal found.
#[derive(Default)]
struct Walked {
    entries: u64,
    head: String,
    last_at: Option<Timestamp>,
    purged: BTreeSet<RegistrationNumber>,
}

/// How often the journal is read again because records were destroyed meanwhile.
const TRIES_MAX: u32 = 5;

/// Files that are looked at to tell whether the store was sealed anew.
const SEALING_LOOKS: usize = 5;

struct Work<'a, 'b> {
    store: &'a Path,
    copy: Copy,
    source: Originals,
    target: Originals,
    old: Option<Manifest>,
    report: BackupReport,
    list: Option<(BufWriter<File>, PathBuf)>,
    absent: Vec<Named>,
    done: (u64, u64),
    progress: &'a mut Progress<'b>,
}

impl Work<'_, '_> {
    fn run(mut self, of: &CopyOf<'_>, now: Timestamp) -> Result<BackupReport, CopyError> {
        self.expect_same_sealing()?;
        let from = self.old.as_ref().map_or(0, |old| old.entries);
        let list_name = format!("{:012}.sha256", from + 1);
        let mut tries = 0;
        let (journal, walked) = loop {
            let journal = self.copy_journal()?;
            // What was read must be on disk there before it counts here, the entries and their files.
            let store = File::open(self.store).map_err(StoreError::io("open", self.store))?;
            rustix::fs::syncfs(store).map_err(|error| StoreError::io("sync", self.store)(error.into()))?;
            self.begin_list(&list_name)?;
            let walked = self.follow(from)?;
            if self.all_there(&walked)? {
                break (journal, walked);
            }
            // Something was destroyed after the last entry that was read: the copy goes on up to that entry.
            tries += 1;
            if tries == TRIES_MAX {
                let what = "records are being destroyed in the store right now: make the backup after that";
                return Err(CopyError::Refused(what.to_owned()));
            }
        };
        let changing = self.copy_changing(of)?;
        rustix::fs::syncfs(File::open(&self.copy.dir).map_err(StoreError::io("open", &self.copy.dir))?)
            .map_err(|error| StoreError::io("sync", &self.copy.dir)(error.into()))?;
        let mut lists = self.old.as_ref().map(|old| old.lists.clone()).unwrap_or_default();
        lists.extend(self.end_list(&list_name)?);
        let mut manifest = Manifest {
            format: COPY_FORMAT,
            bode: of.bode.to_owned(),
            office: of.office.to_owned(),
            at: now,
            entries: walked.entries,
            head: walked.head,
            last_at: walked.last_at,
            files: 0,
            bytes: 0,
            purged: walked.purged.len() as u64,
            absent: self.absent_paths(),
            journal,
            lists,
            changing,
        };
        self.read_back(&mut manifest)?;
        replace_json(&self.copy.dir.join(MANIFEST), &manifest)?;
        // From here on this is the last good backup; what only the one before named may go.
        self.clear(&manifest, &walked.purged)?;
        let unfinished = self.copy.dir.join(UNFINISHED);
        fs::remove_file(&unfinished).map_err(StoreError::io("remove", &unfinished))?;
        sync_dir(&self.copy.dir)?;
        (self.report.entries, self.report.files, self.report.bytes) =
            (manifest.entries, manifest.files, manifest.bytes);
        Ok(self.report)
    }

    /// Walks the copied journal, and copies what its entries after `from` name.
    fn follow(&mut self, from: u64) -> Result<Walked, CopyError> {
        let known = self.old.as_ref().map_or(CHAIN_START.to_owned(), |old| old.head.clone());
        let mut walked = Walked { head: CHAIN_START.to_owned(), ..Walked::default() };
        (self.absent, self.done) = (Vec::new(), (0, 0));
        let (mut first, mut same) = (HashMap::new(), from == 0);
        let dir = self.copy.store().join("journal");
        let end = journal::walk(&dir, 1, &mut |entry, digest| {
            same |= entry.seq == from && digest == known;
            if let Event::Purged { records, .. } = &entry.what {
                walked.purged.extend(records.keys().copied());
            }
            if let Event::Opened { case, record, .. } | Event::TakenBack { case, record, .. } = &entry.what {
                first.insert(*case, *record);
            }
            if entry.seq > from {
                for named in named(&entry, &first) {
                    self.bring(named)?;
                }
            }
            (walked.entries, walked.last_at) = (entry.seq, Some(entry.at));
            digest.clone_into(&mut walked.head);
            Ok(())
        });
        match end {
            Ok(_) if same => Ok(walked),
            Ok(_) | Err(StoreError::Chain { .. }) if from > 0 => Err(self.other_course()),
            Ok(_) => Ok(walked),
            Err(error) => Err(error.into()),
        }
    }

    /// After the whole store was sealed anew the copy has files as they lay before: open, or with an older key.
    fn expect_same_sealing(&self) -> Result<(), CopyError> {
        let Some(old) = &self.old else { return Ok(()) };
        let (mut looked, mut other) = (0, 0);
        self.copy.each_file(old, &BTreeSet::new(), &mut |line| {
            if looked < SEALING_LOOKS
                && let Some(record) = record_of(&line.path)
            {
                let name = line.path.splitn(4, '/').nth(3).unwrap_or_default();
                if let Some((_, mut file)) = self.source.open_raw(record, &[name])? {
                    let lies = pump(&mut file, u64::MAX, None).map_err(StoreError::io("read", self.store))?;
                    looked += 1;
                    other += usize::from(lies.0 != line.sha256 && self.source.read(record, name).is_ok());
                }
            }
            Ok(())
        })?;
        if looked < SEALING_LOOKS.min(2) || other < looked {
            return Ok(());
        }
        Err(CopyError::Refused(format!(
            "the files of this store lie there otherwise than when {} was made (bode key seal): choose an empty directory, and \
             destroy the old copy when the new one is there: it opens with the old key, or without one",
            self.copy.dir.display()
        )))
    }

    fn other_course(&self) -> CopyError {
        let from = self.old.as_ref().map_or(0, |old| old.entries);
        CopyError::Refused(format!(
            "{} holds a backup of another store, or of this one before its journal went another way (entry {from} is not \
             the same): keep it, and choose an empty directory for this one",
            self.copy.dir.display()
        ))
    }

    /// Brings the journal up to its last whole line. What stands in the copy already must be the beginning of it.
    fn copy_journal(&mut self) -> Result<Vec<Segment>, CopyError> {
        let dir = self.copy.store().join("journal");
        make_dirs(&dir)?;
        let source = segments(&self.store.join("journal"))?;
        let names: BTreeSet<_> = source.iter().filter_map(|(_, path)| path.file_name()).collect();
        let known = self.old.as_ref().map(|old| old.journal.clone()).unwrap_or_default();
        for (_, path) in segments(&dir)? {
            let Some(name) = path.file_name().filter(|name| !names.contains(name)) else { continue };
            if known.iter().any(|segment| *segment.name == *name) {
                return Err(self.other_course());
            }
            // Brought by a backup that was cut off, before the store went another way.
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        let mut copied = Vec::new();
        for (at, (_, from)) in source.iter().enumerate() {
            let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let to = dir.join(&name);
            let before = known.iter().find(|segment| segment.name == name);
            let last_known = known.last().is_some_and(|segment| segment.name == name);
            let is_last = at + 1 == source.len();
            if let Some(segment) = before.filter(|_| !last_known && !is_last) {
                copied.push(segment.clone());
                continue;
            }
            copied.push(self.copy_segment(from, &to, name, before)?);
        }
        Ok(copied)
    }

    fn copy_segment(
        &self,
        from: &Path,
        to: &Path,
        name: String,
        before: Option<&Segment>,
    ) -> Result<Segment, CopyError> {
        File::open(from).and_then(|file| file.sync_data()).map_err(StoreError::io("sync", from))?;
        let mut bytes = fs::read(from).map_err(StoreError::io("read", from))?;
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
        let kept = match fs::read(to) {
            Ok(kept) => kept,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(StoreError::io("read", to)(error).into()),
        };
        let certain = before.map_or(0, |segment| usize::try_from(segment.bytes).unwrap_or(usize::MAX));
        let write = |length: usize| {
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(to)?;
            file.set_len(length as u64)?;
            file.write_all(bytes.get(length..).unwrap_or_default())
        };
        if bytes.starts_with(&kept) {
            write(kept.len()).map_err(StoreError::io("write", to))?;
        } else if kept.get(..certain).is_some_and(|kept| bytes.starts_with(kept)) {
            // Behind what the last backup names stands what a cut-off one brought from another course.
            write(certain).map_err(StoreError::io("write", to))?;
        } else if before.is_some_and(|segment| {
            bytes.get(..certain).is_some_and(|bytes| digest_of(bytes) == segment.sha256)
        }) {
            // The copy was damaged; what the store has is what was copied then.
            replace(to, &bytes)?;
        } else {
            return Err(self.other_course());
        }
        Ok(Segment { name, bytes: bytes.len() as u64, sha256: digest_of(&bytes) })
    }

    /// Copies a file that an entry names, unless it is there.
    fn bring(&mut self, named: Named) -> Result<(), StoreError> {
        let folder = self.target.folder(named.record);
        let names: Vec<&str> = match &named.name {
            Some(name) => vec![name],
            None => ORIGINALS.to_vec(),
        };
        for name in &names {
            if let Some((sha256, bytes)) = digest_of_file(&folder.join(name))?
                && sha256 == named.digest
            {
                return self.listed(named.record, name, &sha256, bytes);
            }
        }
        let Some((name, mut file)) = self.source.open_raw(named.record, &names)? else {
            self.absent.push(named);
            return Ok(());
        };
        let to = folder.join(&name);
        let (sha256, bytes) = copy_in(&mut file, u64::MAX, &to)?;
        if sha256 != named.digest && !self.is_sealed(&named)? {
            fs::remove_file(&to).map_err(StoreError::io("remove", &to))?;
            self.absent.push(named);
            return Ok(());
        }
        self.report.new_files += 1;
        self.report.new_bytes += bytes;
        self.listed(named.record, &name, &sha256, bytes)
    }

    /// Not what the journal says as it lies there, but so when the store reads it: encrypted at rest.
    fn is_sealed(&self, named: &Named) -> Result<bool, StoreError> {
        let digest = match &named.name {
            Some(name) => self.source.read(named.record, name)?.map(|bytes| digest_of(&bytes)),
            None => digest_of_original(&self.source, named.record)?.map(|(digest, _)| digest),
        };
        Ok(digest.as_ref() == Some(&named.digest))
    }

    fn begin_list(&mut self, name: &str) -> Result<(), StoreError> {
        let dir = self.copy.dir.join(LISTS);
        make_dirs(&dir)?;
        let part = part_of(&dir.join(name));
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
        self.list = Some((BufWriter::new(file.map_err(StoreError::io("write", &part))?), part));
        Ok(())
    }

    fn listed(
        &mut self,
        record: RegistrationNumber,
        name: &str,
        sha256: &str,
        bytes: u64,
    ) -> Result<(), StoreError> {
        self.done = (self.done.0 + 1, self.done.1 + bytes);
        (self.progress)(self.done.0, self.done.1);
        if let Some((list, path)) = &mut self.list {
            let path = &*path;
            writeln!(list, "{sha256}  originals/{:04}/{:06}/{name}", record.year, record.serial)
                .map_err(StoreError::io("write", path))?;
        }
        Ok(())
    }

    /// Puts the list in its place; `None`: it is empty.
    fn end_list(&mut self, name: &str) -> Result<Option<List>, StoreError> {
        let Some((list, part)) = self.list.take() else { return Ok(None) };
        let fault = |error: io::Error| StoreError::io("write", &part)(error);
        let file = list.into_inner().map_err(|error| fault(error.into_error()))?;
        file.sync_all().map_err(fault)?;
        if self.done.0 == 0 {
            fs::remove_file(&part).map_err(StoreError::io("remove", &part))?;
            return Ok(None);
        }
        let path = self.copy.dir.join(LISTS).join(name);
        fs::rename(&part, &path).map_err(StoreError::io("write", &path))?;
        let (sha256, _) = digest_of_file(&path)?.unwrap_or_default();
        Ok(Some(List { name: name.to_owned(), sha256, files: self.done.0, bytes: self.done.1 }))
    }

    /// What could not be copied is destroyed, which is well, or missing in the store, which is told. What was missing the
    /// last time is tried again. `false`: it was destroyed after the last entry that was read.
    fn all_there(&mut self, walked: &Walked) -> Result<bool, CopyError> {
        for line in self.old.as_ref().map(|old| old.absent.clone()).unwrap_or_default() {
            let Some((digest, path)) = line.split_once("  ") else { continue };
            let Some(record) = record_of(path) else { continue };
            let name = path.splitn(4, '/').nth(3).filter(|name| *name != ORIGINAL).map(str::to_owned);
            self.bring(Named { record, name, digest: digest.to_owned() })?;
        }
        self.absent.retain(|named| !walked.purged.contains(&named.record));
        if !self.absent.is_empty() {
            let mut later = false;
            journal::walk(&self.store.join("journal"), walked.entries, &mut |entry, _| {
                if let Event::Purged { records, .. } = &entry.what {
                    later |= self.absent.iter().any(|named| records.contains_key(&named.record));
                }
                Ok(())
            })?;
            if later {
                return Ok(false);
            }
        }
        let told =
            |named: &Named| format!("{} of {}", named.name.as_deref().unwrap_or(ORIGINAL), named.record);
        self.report.absent = self.absent.iter().map(told).collect();
        Ok(true)
    }

    fn absent_paths(&self) -> Vec<String> {
        let path = |named: &Named| {
            let RegistrationNumber { year, serial } = named.record;
            let name = named.name.as_deref().unwrap_or(ORIGINAL);
            format!("{}  originals/{year:04}/{serial:06}/{name}", named.digest)
        };
        self.absent.iter().map(path).collect()
    }

    /// What may change, each under the digest of its content.
    fn copy_changing(&mut self, of: &CopyOf<'_>) -> Result<Vec<Changing>, StoreError> {
        make_dirs(&self.copy.dir.join(CHANGING))?;
        let mut paths = Vec::new();
        for item in fs::read_dir(self.store).map_err(StoreError::io("list", self.store))? {
            let item = item.map_err(StoreError::io("list", self.store))?;
            let (name, kind) =
                (item.file_name(), item.file_type().map_err(StoreError::io("look at", self.store))?);
            if !stays_out(&name.to_string_lossy()) {
                if kind.is_dir() {
                    files_below(self.store, Path::new(&name), &mut paths)?;
                } else if kind.is_file() {
                    paths.push(PathBuf::from(name));
                }
            }
        }
        paths.sort();
        let without: Vec<PathBuf> =
            of.without.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        let mut changing = Vec::new();
        for path in paths {
            let from = self.store.join(&path);
            let hidden = path.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
            let Some(text) =
                path.to_str().filter(|text| is_below(text) && !text.ends_with(".tmp") && !hidden)
            else {
                continue;
            };
            if fs::canonicalize(&from).is_ok_and(|real| without.contains(&real)) {
                continue;
            }
            // It may have gone since it was listed; then it is no part of the store any more.
            let Some((mut sha256, mut bytes)) = digest_of_file(&from)? else { continue };
            if digest_of_file(&self.copy.changing(&sha256))?.is_none_or(|(kept, _)| kept != sha256) {
                let new = self.copy.dir.join(CHANGING).join("new");
                let mut file = match File::open(&from) {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(StoreError::io("open", &from)(error)),
                };
                // What was copied counts, also when it changed since it was looked at.
                (sha256, bytes) = copy_in(&mut file, u64::MAX, &new)?;
                let to = self.copy.changing(&sha256);
                fs::rename(&new, &to).map_err(StoreError::io("write", &to))?;
                self.report.new_files += 1;
                self.report.new_bytes += bytes;
            }
            changing.push(Changing { path: text.to_owned(), bytes, sha256 });
        }
        Ok(changing)
    }

    /// Reads the whole copy back. What is damaged there and whole in the store is copied once more.
    fn read_back(&mut self, manifest: &mut Manifest) -> Result<(), CopyError> {
        let purged = self.copy.check_journal(manifest)?;
        let mut damage = Damage::default();
        let (mut mended, mut done, mut bytes) = (0, 0, 0);
        let (copy, source, target) = (&self.copy, &self.source, &self.target);
        let progress = &mut *self.progress;
        copy.each_file(manifest, &purged, &mut |line| {
            if let Some(fault) = copy.fault(line)? {
                match mend(source, target, line)? {
                    true => mended += 1,
                    false => damage.tell(fault),
                }
            }
            let path = copy.store().join(&line.path);
            bytes += fs::metadata(&path).map_or(0, |file| file.len());
            done += 1;
            progress(done, bytes);
            Ok(())
        })?;
        self.copy.check_changing(manifest, &mut damage)?;
        damage.refuse()?;
        self.report.mended = mended;
        let journal: u64 = manifest.journal.iter().map(|segment| segment.bytes).sum();
        let changing: u64 = manifest.changing.iter().map(|one| one.bytes).sum();
        manifest.files = done + manifest.journal.len() as u64 + manifest.changing.len() as u64;
        manifest.bytes = bytes + journal + changing;
        Ok(())
    }

    /// What this backup does not name goes: destroyed records, old states of what changes, lists of cut-off backups.
    fn clear(
        &mut self,
        manifest: &Manifest,
        purged: &BTreeSet<RegistrationNumber>,
    ) -> Result<(), StoreError> {
        for record in purged {
            let folder = self.target.folder(*record);
            match fs::remove_dir_all(&folder) {
                Ok(()) => self.report.purged += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("remove", &folder)(error)),
            }
        }
        let changing: BTreeSet<&str> = manifest.changing.iter().map(|one| &*one.sha256).collect();
        let lists: BTreeSet<&str> = manifest.lists.iter().map(|list| &*list.name).collect();
        for (dir, kept) in [(CHANGING, changing), (LISTS, lists)] {
            let dir = self.copy.dir.join(dir);
            for item in fs::read_dir(&dir).map_err(StoreError::io("list", &dir))? {
                let item = item.map_err(StoreError::io("list", &dir))?;
                if !kept.contains(&*item.file_name().to_string_lossy()) {
                    fs::remove_file(item.path()).map_err(StoreError::io("remove", &item.path()))?;
                }
            }
        }
        Ok(())
    }
}
