-- Times are nanoseconds since 1970 in UTC, unless a name says otherwise. Ids are ordered by time.

CREATE TABLE lease(
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_at INTEGER NOT NULL -- milliseconds
);

-- People and settings.

CREATE TABLE users(
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'viewer' CHECK(role IN('viewer','operator','admin')),
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
);

CREATE TABLE sessions(
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users(id),
    token BLOB NOT NULL UNIQUE, -- its SHA-256
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
);
CREATE INDEX sessions_exp ON sessions(expires_at);

CREATE TABLE config(
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    updated_at INTEGER NOT NULL,
    updated_by INTEGER
);

CREATE TABLE user_thresholds(
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users(id),
    metric_type TEXT NOT NULL,
    op TEXT NOT NULL DEFAULT 'gt',
    threshold_value REAL NOT NULL,
    for_ms INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL,
    UNIQUE(user_id,metric_type,op)
);

-- Samples. The id of a pack is the first minute of its slot << 24 | pack_no.

CREATE TABLE groups(
    group_id INTEGER PRIMARY KEY,
    producer TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    slot_minutes INTEGER NOT NULL,
    UNIQUE(producer,ordinal)
);

CREATE TABLE series(
    series_id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    pack_no INTEGER NOT NULL,
    col INTEGER NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    kind INTEGER NOT NULL,
    unit TEXT,
    step_ms INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    UNIQUE(name,labels,pack_no)
);
CREATE INDEX series_live ON series(group_id) WHERE ended_at IS NULL;
CREATE INDEX series_ended ON series(ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE head(
    seq INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

-- Of a group, what stands up to head_seq is packed, and of what stands up to sealing_seq whatever is before sealed_until.
CREATE TABLE seal_state(
    group_id INTEGER PRIMARY KEY,
    head_seq INTEGER NOT NULL,
    sealing_seq INTEGER NOT NULL,
    sealed_until INTEGER NOT NULL
);

CREATE TABLE pack(
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    data BLOB NOT NULL
);

CREATE TABLE tier1(
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    data BLOB NOT NULL
);

CREATE TABLE tier2(
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    data BLOB NOT NULL
);

-- What detectors, rules and readers of files want to find again.

CREATE TABLE state(
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    data BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY(kind,key)
);

-- Alerts, and what is still to be delivered of them.

CREATE TABLE alerts(
    id INTEGER PRIMARY KEY,
    user_id INTEGER,
    rule_key TEXT NOT NULL,
    series_id INTEGER,
    host TEXT,
    metric_type TEXT NOT NULL,
    severity INTEGER NOT NULL,
    state TEXT NOT NULL,
    value REAL,
    threshold REAL,
    ts INTEGER NOT NULL,
    generated_at INTEGER NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0,
    resolved_at INTEGER,
    acked_by INTEGER,
    acked_at INTEGER,
    dedup_key TEXT NOT NULL UNIQUE,
    detail TEXT
);
CREATE INDEX alerts_recent ON alerts(generated_at);

CREATE TABLE outbox(
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    idem_key TEXT NOT NULL UNIQUE,
    payload TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT,
    last_error TEXT,
    created_at INTEGER NOT NULL,
    done_at INTEGER
);
CREATE INDEX outbox_due ON outbox(next_at) WHERE state=0;

CREATE TABLE outbox_attempt(
    outbox_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    took_us INTEGER,
    PRIMARY KEY(outbox_id,attempt)
);

-- Events that are neither log records nor spans.

CREATE TABLE events(
    id INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    type TEXT NOT NULL,
    severity INTEGER NOT NULL,
    source TEXT NOT NULL,
    host TEXT,
    pid INTEGER,
    body TEXT NOT NULL
);
CREATE INDEX events_ts ON events(ts);
CREATE INDEX events_type ON events(type,id);

CREATE TABLE logs(
    id INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    service TEXT NOT NULL,
    source TEXT NOT NULL,
    host TEXT,
    pid INTEGER,
    trace_id BLOB,
    span_id BLOB,
    body TEXT NOT NULL,
    attrs TEXT
);
CREATE INDEX logs_trace ON logs(trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX logs_ts ON logs(ts);
-- The words of log records, which come already cut and in lower case.
CREATE VIRTUAL TABLE logs_fts USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii');

CREATE TABLE spans(
    id INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL,
    span_id BLOB NOT NULL,
    parent_id BLOB,
    service TEXT NOT NULL,
    name TEXT NOT NULL,
    kind INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    dur_ns INTEGER NOT NULL,
    status INTEGER NOT NULL,
    source TEXT NOT NULL,
    host TEXT,
    attrs TEXT
);
CREATE INDEX spans_ts ON spans(start_ns);
CREATE INDEX spans_trace ON spans(trace_id);
CREATE INDEX spans_svc ON spans(service,id);

CREATE TABLE audit(
    id INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    actor INTEGER,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT
);
