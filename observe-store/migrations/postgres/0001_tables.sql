-- Times are nanoseconds since 1970 in UTC, unless a name says otherwise. Ids are ordered by time.

CREATE TABLE lease(
    name TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_at BIGINT NOT NULL -- milliseconds
);

-- People and settings.

CREATE TABLE users(
    id BIGINT PRIMARY KEY,
    username TEXT COLLATE "C" NOT NULL UNIQUE,
    email TEXT,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'viewer' CHECK(role IN('viewer','operator','admin')),
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE sessions(
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users(id),
    token BYTEA NOT NULL UNIQUE, -- its SHA-256
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE INDEX sessions_exp ON sessions(expires_at);

CREATE TABLE config(
    key TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    updated_at BIGINT NOT NULL,
    updated_by BIGINT
);

CREATE TABLE user_thresholds(
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users(id),
    metric_type TEXT COLLATE "C" NOT NULL,
    op TEXT COLLATE "C" NOT NULL DEFAULT 'gt',
    threshold_value DOUBLE PRECISION NOT NULL,
    for_ms BIGINT NOT NULL DEFAULT 0,
    updated_at BIGINT NOT NULL,
    UNIQUE(user_id,metric_type,op)
);

-- Samples. The id of a pack is the first minute of its slot << 24 | pack_no.

CREATE TABLE groups(
    group_id BIGINT PRIMARY KEY,
    producer TEXT COLLATE "C" NOT NULL,
    ordinal BIGINT NOT NULL,
    slot_minutes BIGINT NOT NULL,
    UNIQUE(producer,ordinal)
);

CREATE TABLE series(
    series_id BIGINT PRIMARY KEY,
    group_id BIGINT NOT NULL,
    pack_no BIGINT NOT NULL,
    col BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    labels TEXT COLLATE "C" NOT NULL,
    kind BIGINT NOT NULL,
    unit TEXT,
    step_ms BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    UNIQUE(name,labels,pack_no)
);
CREATE INDEX series_live ON series(group_id) WHERE ended_at IS NULL;
CREATE INDEX series_ended ON series(ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE head(
    seq BIGINT PRIMARY KEY,
    data BYTEA NOT NULL
);

-- Of a group, what stands up to head_seq is packed, and of what stands up to sealing_seq whatever is before sealed_until.
CREATE TABLE seal_state(
    group_id BIGINT PRIMARY KEY,
    head_seq BIGINT NOT NULL,
    sealing_seq BIGINT NOT NULL,
    sealed_until BIGINT NOT NULL
);

CREATE TABLE pack(
    id BIGINT PRIMARY KEY,
    n BIGINT NOT NULL,
    data BYTEA NOT NULL
);

CREATE TABLE tier1(
    id BIGINT PRIMARY KEY,
    n BIGINT NOT NULL,
    data BYTEA NOT NULL
);

CREATE TABLE tier2(
    id BIGINT PRIMARY KEY,
    n BIGINT NOT NULL,
    data BYTEA NOT NULL
);

-- The data of packs is compressed already.
ALTER TABLE head ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE pack ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE tier1 ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE tier2 ALTER COLUMN data SET STORAGE EXTERNAL;

-- What detectors, rules and readers of files want to find again.

CREATE TABLE state(
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    data BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY(kind,key)
);

-- Alerts, and what is still to be delivered of them.

CREATE TABLE alerts(
    id BIGINT PRIMARY KEY,
    user_id BIGINT,
    rule_key TEXT COLLATE "C" NOT NULL,
    series_id BIGINT,
    host TEXT,
    metric_type TEXT NOT NULL,
    severity BIGINT NOT NULL,
    state TEXT NOT NULL,
    value DOUBLE PRECISION,
    threshold DOUBLE PRECISION,
    ts BIGINT NOT NULL,
    generated_at BIGINT NOT NULL,
    delivered BIGINT NOT NULL DEFAULT 0,
    resolved_at BIGINT,
    acked_by BIGINT,
    acked_at BIGINT,
    dedup_key TEXT COLLATE "C" NOT NULL UNIQUE,
    detail TEXT
);
CREATE INDEX alerts_recent ON alerts(generated_at);

CREATE TABLE outbox(
    id BIGINT PRIMARY KEY,
    alert_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    idem_key TEXT COLLATE "C" NOT NULL UNIQUE,
    payload TEXT NOT NULL,
    state BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL DEFAULT 0,
    lease_owner TEXT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    done_at BIGINT
);
CREATE INDEX outbox_due ON outbox(next_at) WHERE state=0;

CREATE TABLE outbox_attempt(
    outbox_id BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    at BIGINT NOT NULL,
    status BIGINT,
    error TEXT,
    took_us BIGINT,
    PRIMARY KEY(outbox_id,attempt)
);

-- Events that are neither log records nor spans.

CREATE TABLE events(
    id BIGINT PRIMARY KEY,
    ts BIGINT NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    severity BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    host TEXT,
    pid BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX events_ts ON events(ts);
CREATE INDEX events_type ON events(type,id);

CREATE TABLE logs(
    id BIGINT PRIMARY KEY,
    ts BIGINT NOT NULL,
    severity BIGINT NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    host TEXT,
    pid BIGINT,
    trace_id BYTEA,
    span_id BYTEA,
    body TEXT NOT NULL,
    attrs TEXT,
    words TSVECTOR NOT NULL
);
CREATE INDEX logs_trace ON logs(trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX logs_ts ON logs USING BRIN(ts) WITH (autosummarize=on);
CREATE INDEX logs_words ON logs USING GIN(words);

CREATE TABLE spans(
    id BIGINT PRIMARY KEY,
    trace_id BYTEA NOT NULL,
    span_id BYTEA NOT NULL,
    parent_id BYTEA,
    service TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    kind BIGINT NOT NULL,
    start_ns BIGINT NOT NULL,
    dur_ns BIGINT NOT NULL,
    status BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    host TEXT,
    attrs TEXT
);
CREATE INDEX spans_ts ON spans(start_ns);
CREATE INDEX spans_trace ON spans(trace_id);
CREATE INDEX spans_svc ON spans(service,id);

CREATE TABLE audit(
    id BIGINT PRIMARY KEY,
    ts BIGINT NOT NULL,
    actor BIGINT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT
);
