//! Counters of protocols and sockets, for the host as a whole.

use std::{sync::Arc, time::Duration};

use observe_core::{EventKind, InvalidSchema, Metric, Schema, SubjectId, Table, names::network as names};

use super::{
    fields::{NETSTAT, SNMP, SNMP6},
    sections::{Field, Sections},
    sockets,
};
use crate::{
    Roots, layout,
    layout::Layout,
    read::{KeptFile, Parts},
};

/// Reads `/proc/net/{snmp,netstat,snmp6,sockstat,sockstat6}`.
#[derive(Debug)]
pub(super) struct Protocols {
    table: Table,
    host: SubjectId,
    snmp: (KeptFile, Sections),
    netstat: (KeptFile, Sections),
    snmp6: (KeptFile, Layout),
    sockets: [KeptFile; 2],
}

impl Protocols {
    pub(super) fn new(roots: &Roots, interval: Duration) -> Result<Self, InvalidSchema> {
        let (table, host) = Table::for_host(schema(interval)?);
        let file = |name| KeptFile::new(roots.proc("net").join(name));
        Ok(Self {
            table,
            host,
            snmp: (file("snmp"), Sections::new(SNMP)),
            netstat: (file("netstat"), Sections::new(NETSTAT)),
            snmp6: (file("snmp6"), Layout::default()),
            sockets: [file("sockstat"), file("sockstat6")],
        })
    }

    /// Reads all files and emits a frame of what could be read.
    pub(super) fn collect(&mut self, parts: &mut Parts<'_, '_>) {
        let Self { table, host, snmp, netstat, snmp6, sockets } = self;
        let mut is_any = false;
        let mut first = sockets::column_count();
        for (file, sections) in [snmp, netstat] {
            if let Some(text) = parts.required(file.read()) {
                let scan = sections.read(text, |field, value| table.set(*host, first + field, value));
                parts.judge(scan, file.path());
                is_any = true;
            }
            first += sections.width();
        }
        let (file, layout) = snmp6;
        // Without IPv6 there is no such file, nor the second one below.
        if let Some(text) = parts.optional(file.read()) {
            let scan = layout.read(text, SNMP6, |field, value| table.set(*host, first + field, value));
            parts.judge(scan, file.path());
            is_any = true;
        }
        let mut connections = None;
        for file in sockets {
            if let Some(text) = parts.optional(file.read()) {
                let scan = sockets::parse(text, &mut connections, |column, value| table.set(*host, column, value));
                parts.judge(scan, file.path());
                is_any = true;
            }
        }
        if let Some(connections) = connections {
            table.set(*host, 0, connections);
        }
        if is_any {
            let cx = parts.cx();
            cx.emit(table.frame(cx.timestamp()));
        }
    }
}

fn schema(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    let schema = Schema::builder("network_protocols").kind(EventKind::NetworkMetric).interval(interval);
    let schema = sockets::columns(schema);
    let schema = Field::columns(NETSTAT, Field::columns(SNMP, schema));
    let schema = layout::Field::columns(SNMP6, schema);
    DERIVED.iter().fold(schema, |schema, metric| schema.column(metric)).build()
}

static DERIVED: &[&Metric] = &[
    &names::TCP_RETRANSMITS_PER_SEC,
    &names::TCP_RETRANSMIT_PERCENT,
    &names::TCP_IN_SEGMENTS_PER_SEC,
    &names::TCP_OUT_SEGMENTS_PER_SEC,
    &names::TCP_ACTIVE_OPENS_PER_SEC,
    &names::TCP_PASSIVE_OPENS_PER_SEC,
    &names::TCP_RESETS_PER_SEC,
    &names::TCP_LISTEN_DROPS_PER_SEC,
    &names::UDP_IN_DATAGRAMS_PER_SEC,
    &names::UDP_OUT_DATAGRAMS_PER_SEC,
    &names::UDP_IN_ERRORS_PER_SEC,
];
