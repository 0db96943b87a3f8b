//! Collects reports and folds equal ones into one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use super::{Kind, Report};

/// The most reports that are kept apart. What comes after is counted with the last one.
const MOST: usize = 1000;

/// By what reports are equal: kind, kernel, and the PTX lines of both parties.
type Key = (Kind, String, Option<u32>, Option<u32>);

#[derive(Debug, Default)]
struct Entries {
    reports: Vec<Report>,
    known: HashMap<Key, usize>,
}

/// The reports of a device.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Entries>);

impl Log {
    /// Adds a report, or counts it if it is like one that is there.
    pub(crate) fn add(&self, report: Report) {
        let line = |party: &Option<super::Party>| party.as_ref().map(|party| party.place.ptx_line);
        let (mine, other) = (line(&report.party), line(&report.other));
        // Which party of a race came second is chance.
        let (first, second) = (mine.min(other), mine.max(other));
        let key = (report.kind, report.kernel.clone(), first, second);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Entries { reports, known } = &mut *entries;
        let next = reports.len().min(MOST - 1);
        match known.entry(key) {
            // What no kernel did is never folded: each leak is another allocation.
            Entry::Occupied(known) if report.party.is_some() => {
                reports[*known.get()].count += 1;
            }
            Entry::Vacant(_) if reports.len() >= MOST => reports[next].count += 1,
            entry => {
                entry.insert_entry(next);
                reports.push(report);
            }
        }
    }

    /// Takes out all reports.
    pub(crate) fn take(&self) -> Vec<Report> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *entries).reports
    }
}
