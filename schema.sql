-- The whole of the current schema. Times are UTC text 'YYYY-MM-DDTHH:MM:SSZ', money is an INTEGER
-- of minor units (cents), probability is percent. Every table that the journal watches has an
-- integer id; the journal's own triggers are made from the table list in crmcli/journal.py.

PRAGMA application_id = 0x63726d31;
PRAGMA user_version = 1;

-- People and places ---------------------------------------------------------------------------

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  login TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (login <> ''),
  name TEXT NOT NULL DEFAULT '',
  email TEXT UNIQUE COLLATE NOCASE CHECK (email <> ''),
  phone TEXT,
  signature TEXT,
  section_id INTEGER REFERENCES sections,
  away_from TEXT CHECK (away_from IS strftime('%Y-%m-%dT%H:%M:%SZ', away_from)),
  away_to TEXT CHECK (away_to IS strftime('%Y-%m-%dT%H:%M:%SZ', away_to)),
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE TABLE sections (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL CHECK (name <> ''),
  code TEXT UNIQUE COLLATE NOCASE CHECK (code <> ''),
  parent_id INTEGER REFERENCES sections CHECK (parent_id <> id),
  user_id INTEGER REFERENCES users,
  reply_to TEXT UNIQUE COLLATE NOCASE CHECK (reply_to <> ''),
  sequence INTEGER,
  allow_unlink INTEGER NOT NULL DEFAULT 1 CHECK (allow_unlink IN (0, 1)),
  reply_state TEXT DEFAULT 'pending' CHECK (reply_state IN ('draft', 'open', 'pending', 'done', 'cancel')),
  thanks INTEGER NOT NULL DEFAULT 1 CHECK (thanks IN (0, 1)),
  language TEXT,
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE INDEX sections_by_parent ON sections (parent_id);

CREATE TRIGGER sections_have_no_circle BEFORE UPDATE OF parent_id ON sections
WHEN NEW.parent_id IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'circle of parents')
  WHERE NEW.id IN (
    WITH RECURSIVE above (id) AS (
      SELECT NEW.parent_id UNION SELECT s.parent_id FROM sections s JOIN above ON s.id = above.id
    ) SELECT id FROM above);
END;

CREATE TABLE categories (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL CHECK (name <> ''),
  probability REAL NOT NULL DEFAULT 0 CHECK (probability BETWEEN 0 AND 100),
  section_id INTEGER REFERENCES sections,
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE TABLE partners (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL CHECK (name <> ''),
  ref TEXT,
  parent_id INTEGER REFERENCES partners CHECK (parent_id <> id),
  user_id INTEGER REFERENCES users,
  website TEXT,
  vat TEXT,
  lang TEXT,
  comment TEXT,
  customer INTEGER NOT NULL DEFAULT 1 CHECK (customer IN (0, 1)),
  supplier INTEGER NOT NULL DEFAULT 0 CHECK (supplier IN (0, 1)),
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX partners_by_name ON partners (name COLLATE NOCASE) WHERE active = 1;
CREATE INDEX partners_archived_by_name ON partners (name COLLATE NOCASE) WHERE active = 0;
CREATE INDEX partners_by_ref ON partners (ref COLLATE NOCASE) WHERE ref IS NOT NULL;
CREATE INDEX partners_by_parent ON partners (parent_id) WHERE parent_id IS NOT NULL;

CREATE TRIGGER partners_have_no_circle BEFORE UPDATE OF parent_id ON partners
WHEN NEW.parent_id IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'circle of parents')
  WHERE NEW.id IN (
    WITH RECURSIVE above (id) AS (
      SELECT NEW.parent_id UNION SELECT p.parent_id FROM partners p JOIN above ON p.id = above.id
    ) SELECT id FROM above);
END;

CREATE TABLE contacts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  partner_id INTEGER REFERENCES partners,
  type TEXT NOT NULL DEFAULT 'contact' CHECK (type IN ('default', 'invoice', 'delivery', 'contact', 'other')),
  name TEXT NOT NULL DEFAULT '',
  function TEXT,
  email TEXT COLLATE NOCASE CHECK (email <> ''),
  phone TEXT,
  mobile TEXT,
  street TEXT,
  street2 TEXT,
  zip TEXT,
  city TEXT,
  state TEXT,
  country TEXT,
  birthdate TEXT CHECK (birthdate IS date(birthdate)),
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE INDEX contacts_by_email ON contacts (email);
CREATE INDEX contacts_by_name ON contacts (name COLLATE NOCASE);
CREATE INDEX contacts_by_partner ON contacts (partner_id);

CREATE TABLE addresses (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  address TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (address <> ''),
  user_id INTEGER REFERENCES users ON DELETE CASCADE,
  contact_id INTEGER REFERENCES contacts ON DELETE CASCADE,
  state TEXT NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'soft', 'hard', 'suspended')),
  why TEXT,
  since TEXT CHECK (since IS strftime('%Y-%m-%dT%H:%M:%SZ', since)),
  CHECK (user_id IS NULL OR contact_id IS NULL)
) STRICT;

CREATE INDEX addresses_by_contact ON addresses (contact_id) WHERE contact_id IS NOT NULL;

CREATE TABLE partner_categories (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL CHECK (name <> ''),
  parent_id INTEGER REFERENCES partner_categories CHECK (parent_id <> id),
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE TRIGGER partner_categories_have_no_circle BEFORE UPDATE OF parent_id ON partner_categories
WHEN NEW.parent_id IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'circle of parents')
  WHERE NEW.id IN (
    WITH RECURSIVE above (id) AS (
      SELECT NEW.parent_id UNION SELECT c.parent_id FROM partner_categories c JOIN above ON c.id = above.id
    ) SELECT id FROM above);
END;

-- origin is 'manual' or the id of the segment that put the partner there
CREATE TABLE partner_category_members (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  partner_id INTEGER NOT NULL REFERENCES partners ON DELETE CASCADE,
  category_id INTEGER NOT NULL REFERENCES partner_categories ON DELETE CASCADE,
  origin TEXT NOT NULL DEFAULT 'manual' CHECK (origin = 'manual' OR origin GLOB '[1-9]*'),
  since TEXT NOT NULL CHECK (since IS strftime('%Y-%m-%dT%H:%M:%SZ', since)),
  UNIQUE (category_id, partner_id, origin)
) STRICT;

CREATE INDEX partner_category_members_by_partner ON partner_category_members (partner_id);

CREATE TABLE channels (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE TABLE moods (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
  factor REAL NOT NULL CHECK (factor >= 0),
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

-- Cases -----------------------------------------------------------------------------------------

CREATE TABLE cases (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL CHECK (name <> ''),
  state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'open', 'pending', 'done', 'cancel')),
  priority INTEGER NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
  section_id INTEGER NOT NULL REFERENCES sections,
  category_id INTEGER REFERENCES categories,
  partner_id INTEGER REFERENCES partners,
  contact_id INTEGER REFERENCES contacts,
  email_from TEXT COLLATE NOCASE CHECK (email_from <> ''),
  email_cc TEXT CHECK (email_cc <> ''),
  user_id INTEGER REFERENCES users,
  starts_at TEXT NOT NULL CHECK (starts_at IS strftime('%Y-%m-%dT%H:%M:%SZ', starts_at)),
  deadline_at TEXT CHECK (deadline_at IS strftime('%Y-%m-%dT%H:%M:%SZ', deadline_at)),
  created_at TEXT NOT NULL CHECK (created_at IS strftime('%Y-%m-%dT%H:%M:%SZ', created_at)),
  closed_at TEXT CHECK (closed_at IS strftime('%Y-%m-%dT%H:%M:%SZ', closed_at)),
  last_action_at TEXT CHECK (last_action_at IS strftime('%Y-%m-%dT%H:%M:%SZ', last_action_at)),
  wake_at TEXT CHECK (wake_at IS strftime('%Y-%m-%dT%H:%M:%SZ', wake_at)),
  lost_reason TEXT,
  planned_revenue INTEGER,
  planned_cost INTEGER,
  probability REAL CHECK (probability BETWEEN 0 AND 100),
  channel_id INTEGER REFERENCES channels,
  mood_id INTEGER REFERENCES moods,
  ref TEXT,
  ref2 TEXT,
  created_by TEXT NOT NULL DEFAULT 'cli' CHECK (created_by IN ('cli', 'mail', 'import', 'rule')),
  description TEXT,
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
  CHECK ((state = 'done') = (closed_at IS NOT NULL)),
  CHECK (wake_at IS NULL OR state = 'pending')
) STRICT;

-- the order of every list: priority, deadline newest first with no deadline before all, starts newest first, id newest first
CREATE INDEX cases_in_order ON cases (priority, (deadline_at IS NOT NULL), deadline_at DESC, starts_at DESC, id DESC) WHERE active = 1;
CREATE INDEX cases_by_state ON cases (state, priority, (deadline_at IS NOT NULL), deadline_at DESC, starts_at DESC, id DESC)
  WHERE active = 1;
-- what is worked on, in the same order; found by conditions that say so in the same words, and of equal ones SQLite
-- takes the index that stands last
CREATE INDEX cases_unclosed ON cases (priority, (deadline_at IS NOT NULL), deadline_at DESC, starts_at DESC, id DESC)
  WHERE active = 1 AND state NOT IN ('done', 'cancel');
CREATE INDEX cases_by_section ON cases (section_id, state);
CREATE INDEX cases_by_user ON cases (user_id, state);
CREATE INDEX cases_unclosed_by_section
  ON cases (section_id, priority, (deadline_at IS NOT NULL), deadline_at DESC, starts_at DESC, id DESC)
  WHERE active = 1 AND state NOT IN ('done', 'cancel');
CREATE INDEX cases_unclosed_by_user
  ON cases (user_id, priority, (deadline_at IS NOT NULL), deadline_at DESC, starts_at DESC, id DESC)
  WHERE active = 1 AND state NOT IN ('done', 'cancel');
CREATE INDEX cases_by_partner ON cases (partner_id) WHERE partner_id IS NOT NULL;
CREATE INDEX cases_by_contact ON cases (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX cases_by_category ON cases (category_id) WHERE category_id IS NOT NULL;
CREATE INDEX cases_by_email_from ON cases (email_from);
CREATE INDEX cases_by_deadline ON cases (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX cases_by_starts ON cases (starts_at);
CREATE INDEX cases_by_created ON cases (created_at);
CREATE INDEX cases_by_closed ON cases (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX cases_by_last_action ON cases (last_action_at);
CREATE INDEX cases_by_wake ON cases (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX cases_by_name ON cases (name COLLATE NOCASE);

CREATE TABLE case_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%SZ', at)),
  name TEXT NOT NULL,
  user_id INTEGER REFERENCES users,
  section_id INTEGER REFERENCES sections,
  channel_id INTEGER REFERENCES channels,
  mood_id INTEGER REFERENCES moods,
  rule_id INTEGER REFERENCES rules ON DELETE SET NULL
) STRICT;

CREATE INDEX case_log_by_case ON case_log (case_id, id);

-- A communication: it extends one log row. email is whom it came from (in) or went to (out).
CREATE TABLE case_history (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  log_id INTEGER NOT NULL UNIQUE REFERENCES case_log ON DELETE CASCADE,
  direction TEXT NOT NULL CHECK (direction IN ('in', 'out', 'note')),
  email TEXT,
  description TEXT NOT NULL,
  message_id INTEGER REFERENCES messages
) STRICT;

CREATE INDEX case_history_by_message ON case_history (message_id) WHERE message_id IS NOT NULL;

CREATE TABLE case_links (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  other_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('relates', 'blocks', 'duplicates', 'continues', 'merged')),
  UNIQUE (case_id, other_id, kind),
  CHECK (case_id <> other_id)
) STRICT;

CREATE INDEX case_links_by_other ON case_links (other_id);
CREATE UNIQUE INDEX case_links_merged_once ON case_links (case_id) WHERE kind = 'merged';

-- What has a direction leads nowhere back: blocks, duplicates, continues, merged, each kind for itself.
CREATE TRIGGER case_links_have_no_circle BEFORE INSERT ON case_links
WHEN NEW.kind <> 'relates' BEGIN
  SELECT RAISE(ABORT, 'circle of links')
  WHERE NEW.case_id IN (
    WITH RECURSIVE onward (id) AS (
      SELECT NEW.other_id
      UNION SELECT l.other_id FROM case_links l JOIN onward ON l.case_id = onward.id WHERE l.kind = NEW.kind
    ) SELECT id FROM onward);
END;

CREATE TRIGGER case_links_stay_as_they_are BEFORE UPDATE ON case_links BEGIN
  SELECT RAISE(ABORT, 'links are made and taken away, not changed');
END;

-- How long a case stood where: each change of state, section or responsible ends one span and begins the next.
CREATE TABLE case_spans (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  state TEXT NOT NULL CHECK (state IN ('draft', 'open', 'pending', 'done', 'cancel')),
  section_id INTEGER REFERENCES sections,
  user_id INTEGER REFERENCES users,
  entered_at TEXT NOT NULL CHECK (entered_at IS strftime('%Y-%m-%dT%H:%M:%SZ', entered_at)),
  left_at TEXT CHECK (left_at IS strftime('%Y-%m-%dT%H:%M:%SZ', left_at)),
  CHECK (left_at >= entered_at)
) STRICT;

CREATE INDEX case_spans_by_case ON case_spans (case_id, id);
CREATE UNIQUE INDEX case_spans_one_open ON case_spans (case_id) WHERE left_at IS NULL;

CREATE TABLE views (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
  filter TEXT NOT NULL DEFAULT '',
  columns TEXT,
  sort TEXT,
  layout TEXT NOT NULL DEFAULT 'list' CHECK (layout IN ('list', 'calendar', 'new')),
  section_id INTEGER REFERENCES sections ON DELETE CASCADE,
  user_id INTEGER REFERENCES users ON DELETE CASCADE
) STRICT;

CREATE TABLE canned_replies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
  text TEXT NOT NULL,
  section_id INTEGER REFERENCES sections,
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

-- What partners did ------------------------------------------------------------------------------

CREATE TABLE event_types (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE CHECK (key <> ''),
  name TEXT NOT NULL,
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL CHECK (name <> ''),
  partner_id INTEGER NOT NULL REFERENCES partners ON DELETE CASCADE,
  case_id INTEGER REFERENCES cases ON DELETE SET NULL,
  at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%SZ', at)),
  user_id INTEGER REFERENCES users,
  channel_id INTEGER REFERENCES channels,
  mood_id INTEGER REFERENCES moods,
  type TEXT CHECK (type IN ('sale', 'purchase', 'prospect')),
  partner_type TEXT CHECK (partner_type IN ('customer', 'retailer', 'prospect')),
  description TEXT,
  planned_cost INTEGER,
  planned_revenue INTEGER,
  probability REAL CHECK (probability BETWEEN 0 AND 100),
  document TEXT
) STRICT;

CREATE INDEX events_by_partner ON events (partner_id, at, mood_id);
CREATE INDEX events_by_case ON events (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX events_by_at ON events (at);

-- The small ledger that segments read; a refund is negative.
CREATE TABLE amounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  partner_id INTEGER NOT NULL REFERENCES partners ON DELETE CASCADE,
  at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%SZ', at)),
  kind TEXT NOT NULL CHECK (kind IN ('sale', 'purchase')),
  amount INTEGER NOT NULL,
  ref TEXT,
  note TEXT
) STRICT;

CREATE INDEX amounts_by_partner ON amounts (partner_id, kind, at, amount);

-- Rules ------------------------------------------------------------------------------------------

CREATE TABLE rules (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
  sequence INTEGER,
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
  state_to TEXT CHECK (state_to IN ('draft', 'open', 'pending', 'done', 'cancel', 'escalate')),
  date_type TEXT NOT NULL DEFAULT 'none' CHECK (date_type IN ('none', 'created', 'last_action', 'deadline', 'starts', 'sla')),
  delay INTEGER NOT NULL DEFAULT 0,
  delay_unit TEXT NOT NULL DEFAULT 'day' CHECK (delay_unit IN ('minutes', 'hour', 'day', 'month', 'workhour', 'workday')),
  state_from TEXT CHECK (state_from IN ('draft', 'open', 'pending', 'done', 'cancel')),
  section_id INTEGER REFERENCES sections,
  section_sub INTEGER NOT NULL DEFAULT 0 CHECK (section_sub IN (0, 1)),
  category_id INTEGER REFERENCES categories,
  user_id INTEGER REFERENCES users,
  partner_id INTEGER REFERENCES partners,
  partner_category_id INTEGER REFERENCES partner_categories,
  partner_category_sub INTEGER NOT NULL DEFAULT 0 CHECK (partner_category_sub IN (0, 1)),
  min_priority INTEGER CHECK (min_priority BETWEEN 1 AND 5),
  max_priority INTEGER CHECK (max_priority BETWEEN 1 AND 5),
  min_messages INTEGER CHECK (min_messages >= 0),
  "where" TEXT CHECK ("where" <> ''),
  set_state TEXT CHECK (set_state IN ('draft', 'open', 'pending', 'done', 'cancel', 'escalate')),
  set_section_id INTEGER REFERENCES sections,
  set_user_id INTEGER REFERENCES users,
  set_priority INTEGER CHECK (set_priority BETWEEN 1 AND 5),
  add_cc TEXT CHECK (add_cc <> ''),
  remind_user INTEGER NOT NULL DEFAULT 0 CHECK (remind_user IN (0, 1)),
  remind_partner INTEGER NOT NULL DEFAULT 0 CHECK (remind_partner IN (0, 1)),
  remind_attach INTEGER NOT NULL DEFAULT 0 CHECK (remind_attach IN (0, 1)),
  mail_user INTEGER NOT NULL DEFAULT 0 CHECK (mail_user IN (0, 1)),
  mail_partner INTEGER NOT NULL DEFAULT 0 CHECK (mail_partner IN (0, 1)),
  mail_watchers INTEGER NOT NULL DEFAULT 0 CHECK (mail_watchers IN (0, 1)),
  mail_to TEXT CHECK (mail_to <> ''),
  mail_body TEXT CHECK (mail_body <> ''),
  quiet INTEGER NOT NULL DEFAULT 0 CHECK (quiet IN (0, 1)),
  method TEXT CHECK (method <> ''),
  go_on INTEGER NOT NULL DEFAULT 0 CHECK (go_on IN (0, 1)),
  repeat TEXT NOT NULL DEFAULT 'once' CHECK (repeat = 'once' OR repeat GLOB 'every:[1-9]*'),
  effective_from TEXT NOT NULL CHECK (effective_from IS strftime('%Y-%m-%dT%H:%M:%SZ', effective_from))
) STRICT;

-- Each due time, past or future, that has not fired yet, of a case that meets a dated rule's other conditions.
CREATE TABLE rule_due (
  rule_id INTEGER NOT NULL REFERENCES rules ON DELETE CASCADE,
  case_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  occasion TEXT NOT NULL,
  due_at TEXT NOT NULL CHECK (due_at IS strftime('%Y-%m-%dT%H:%M:%SZ', due_at)),
  retry_at TEXT CHECK (retry_at IS strftime('%Y-%m-%dT%H:%M:%SZ', retry_at)),
  PRIMARY KEY (rule_id, case_id, occasion)
) STRICT, WITHOUT ROWID;

CREATE INDEX rule_due_by_time ON rule_due (coalesce(retry_at, due_at), case_id);
CREATE INDEX rule_due_by_case ON rule_due (case_id, due_at);

-- Whose due times must be looked at again; NULL rule_id: all dated rules, NULL case_id: all cases.
CREATE TABLE rule_stale (
  rule_id INTEGER REFERENCES rules ON DELETE CASCADE,
  case_id INTEGER REFERENCES cases ON DELETE CASCADE,
  CHECK (rule_id IS NOT NULL OR case_id IS NOT NULL)
) STRICT;

-- No references: firings outlive their rule and case, so that nothing fires again where a deletion is undone.
CREATE TABLE rule_firings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  rule_id INTEGER NOT NULL,
  case_id INTEGER NOT NULL,
  occasion TEXT NOT NULL,
  due_at TEXT NOT NULL CHECK (due_at IS strftime('%Y-%m-%dT%H:%M:%SZ', due_at)),
  at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%SZ', at)),
  state TEXT NOT NULL CHECK (state IN ('fired', 'failed', 'suppressed', 'undone')),
  attempts INTEGER NOT NULL DEFAULT 1,
  reason TEXT,
  UNIQUE (rule_id, case_id, occasion)
) STRICT;

CREATE INDEX rule_firings_by_case ON rule_firings (case_id);

-- The heartbeat of cron: one row a run.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('rules', 'segments', 'send')),
  at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%SZ', at)),
  ended_at TEXT,
  examined INTEGER NOT NULL DEFAULT 0,
  fired INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Working time; from_time and to_time are 'HH:MM' in the site's zone, weekday 0 is Monday.
CREATE TABLE calendars (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  section_id INTEGER NOT NULL REFERENCES sections ON DELETE CASCADE,
  weekday INTEGER NOT NULL CHECK (weekday BETWEEN 0 AND 6),
  from_time TEXT NOT NULL CHECK (from_time GLOB '[0-2][0-9]:[0-5][0-9]'),
  to_time TEXT NOT NULL CHECK (to_time GLOB '[0-2][0-9]:[0-5][0-9]'),
  UNIQUE (section_id, weekday, from_time),
  CHECK (from_time < to_time)
) STRICT;

CREATE TABLE holidays (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  section_id INTEGER REFERENCES sections ON DELETE CASCADE,
  day TEXT NOT NULL CHECK (day IS date(day)),
  name TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE UNIQUE INDEX holidays_once ON holidays (coalesce(section_id, 0), day);

-- Targets in minutes of working time.
CREATE TABLE sla (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
  section_id INTEGER REFERENCES sections ON DELETE CASCADE,
  category_id INTEGER REFERENCES categories ON DELETE CASCADE,
  min_priority INTEGER CHECK (min_priority BETWEEN 1 AND 5),
  max_priority INTEGER CHECK (max_priority BETWEEN 1 AND 5),
  first_response INTEGER CHECK (first_response > 0),
  next_response INTEGER CHECK (next_response > 0),
  resolution INTEGER CHECK (resolution > 0),
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

-- Segments ----------------------------------------------------------------------------------------

CREATE TABLE segments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
  description TEXT,
  category_id INTEGER NOT NULL REFERENCES partner_categories,
  exclusive INTEGER NOT NULL DEFAULT 0 CHECK (exclusive IN (0, 1)),
  state TEXT NOT NULL DEFAULT 'not running' CHECK (state IN ('not running', 'running')),
  last_partner_id INTEGER NOT NULL DEFAULT 0,
  sales_purchase_active INTEGER NOT NULL DEFAULT 0 CHECK (sales_purchase_active IN (0, 1)),
  period_days INTEGER CHECK (period_days > 0),
  periods INTEGER NOT NULL DEFAULT 3 CHECK (periods BETWEEN 1 AND 1000),
  decrease REAL NOT NULL DEFAULT 0.8 CHECK (decrease > 0 AND decrease < 1),
  default_mood REAL NOT NULL DEFAULT 0.5 CHECK (default_mood >= 0),
  "where" TEXT CHECK ("where" <> ''),
  every TEXT NOT NULL DEFAULT '1d',
  run_at TEXT CHECK (run_at IS strftime('%Y-%m-%dT%H:%M:%SZ', run_at)),
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX segments_one_exclusive ON segments (category_id) WHERE exclusive = 1 AND active = 1;

CREATE TABLE segment_lines (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  segment_id INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (name <> ''),
  variable TEXT NOT NULL CHECK (variable IN ('sale', 'purchase', 'mood')),
  operator TEXT NOT NULL CHECK (operator IN ('<', '=', '>', '<=', '>=')),
  value REAL NOT NULL,
  mandatory INTEGER NOT NULL DEFAULT 1 CHECK (mandatory IN (0, 1)),
  window_days INTEGER CHECK (window_days > 0),
  UNIQUE (segment_id, name)
) STRICT;

CREATE TABLE segment_members (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  segment_id INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE,
  partner_id INTEGER NOT NULL REFERENCES partners ON DELETE CASCADE,
  entered_at TEXT NOT NULL CHECK (entered_at IS strftime('%Y-%m-%dT%H:%M:%SZ', entered_at)),
  entered_why TEXT,
  left_at TEXT CHECK (left_at IS strftime('%Y-%m-%dT%H:%M:%SZ', left_at)),
  left_why TEXT
) STRICT;

CREATE UNIQUE INDEX segment_members_now ON segment_members (segment_id, partner_id) WHERE left_at IS NULL;
CREATE INDEX segment_members_by_partner ON segment_members (partner_id);

CREATE TABLE segment_pins (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  segment_id INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE,
  partner_id INTEGER NOT NULL REFERENCES partners ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('pin', 'ban')),
  UNIQUE (segment_id, partner_id)
) STRICT;

CREATE INDEX segment_pins_by_partner ON segment_pins (partner_id);

-- Mail ---------------------------------------------------------------------------------------------

CREATE TABLE raw_messages (
  sha256 TEXT NOT NULL PRIMARY KEY,
  size INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

-- people are the addresses in To and Cc that are not ours; visible are the sender's own words, as offsets into text.
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 TEXT NOT NULL UNIQUE REFERENCES raw_messages,
  size INTEGER NOT NULL,
  message_id TEXT,
  content_key TEXT NOT NULL,
  "from" TEXT COLLATE NOCASE,
  envelope_from TEXT,
  people TEXT NOT NULL DEFAULT '',
  subject TEXT NOT NULL DEFAULT '',
  date TEXT CHECK (date IS strftime('%Y-%m-%dT%H:%M:%SZ', date)),
  received_at TEXT NOT NULL CHECK (received_at IS strftime('%Y-%m-%dT%H:%M:%SZ', received_at)),
  class TEXT NOT NULL CHECK (class IN ('own-loop', 'bounce', 'receipt', 'feedback', 'auto-reply', 'bulk', 'human')),
  evidence TEXT NOT NULL DEFAULT '',
  charset TEXT,
  text TEXT NOT NULL DEFAULT '',
  visible TEXT,
  marks TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX messages_by_message_id ON messages (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX messages_by_content_key ON messages (content_key);

CREATE TABLE message_refs (
  message_id INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  ref TEXT NOT NULL,
  PRIMARY KEY (ref, message_id)
) STRICT, WITHOUT ROWID;

-- One row a mail and route: the custody record. core_sha256 is of the bytes without the trace headers above our own.
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 TEXT NOT NULL REFERENCES raw_messages,
  core_sha256 TEXT NOT NULL,
  message_id INTEGER REFERENCES messages,
  route TEXT NOT NULL,
  recipient TEXT,
  sender TEXT,
  received_at TEXT NOT NULL CHECK (received_at IS strftime('%Y-%m-%dT%H:%M:%SZ', received_at)),
  state TEXT NOT NULL CHECK (state IN ('received', 'done', 'triage')),
  attempts INTEGER NOT NULL DEFAULT 1,
  owner TEXT,
  lease_until TEXT CHECK (lease_until IS strftime('%Y-%m-%dT%H:%M:%SZ', lease_until)),
  case_id INTEGER REFERENCES cases ON DELETE SET NULL,
  reason TEXT,
  decision TEXT,
  UNIQUE (core_sha256, route)
) STRICT;

CREATE INDEX deliveries_waiting ON deliveries (lease_until) WHERE state = 'received';
CREATE INDEX deliveries_by_message ON deliveries (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX deliveries_by_case ON deliveries (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE blobs (
  sha256 TEXT NOT NULL PRIMARY KEY,
  size INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE attachments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  message_id INTEGER REFERENCES messages ON DELETE CASCADE,
  case_id INTEGER REFERENCES cases ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (name <> ''),
  type TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL REFERENCES blobs,
  CHECK ((message_id IS NULL) <> (case_id IS NULL))
) STRICT;

CREATE INDEX attachments_by_message ON attachments (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_by_case ON attachments (case_id) WHERE case_id IS NOT NULL;

-- One row a mail to one recipient. user_id is the person of the staff that it goes to; the token in its Message-ID
-- tells whether their copy proves them. An empty envelope_from is the empty sender of automatic answers.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('thanks', 'forward', 'reply', 'rule', 'remind', 'alert')),
  case_id INTEGER REFERENCES cases ON DELETE SET NULL,
  cause TEXT NOT NULL,
  user_id INTEGER REFERENCES users ON DELETE SET NULL,
  recipient TEXT NOT NULL COLLATE NOCASE,
  envelope_from TEXT NOT NULL,
  message_id TEXT NOT NULL UNIQUE,
  subject TEXT NOT NULL,
  bytes BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'held')),
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL CHECK (created_at IS strftime('%Y-%m-%dT%H:%M:%SZ', created_at)),
  next_at TEXT CHECK (next_at IS strftime('%Y-%m-%dT%H:%M:%SZ', next_at)),
  sent_at TEXT CHECK (sent_at IS strftime('%Y-%m-%dT%H:%M:%SZ', sent_at)),
  owner TEXT,
  lease_until TEXT CHECK (lease_until IS strftime('%Y-%m-%dT%H:%M:%SZ', lease_until)),
  error TEXT,
  CHECK (recipient <> '')
) STRICT;

CREATE INDEX outbox_due ON outbox (next_at) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_by_case ON outbox (case_id, created_at);
CREATE INDEX outbox_by_recipient ON outbox (recipient, kind, cause);

-- What the limits count: the mails to outsiders that no limit held, so that a flood of held ones slows nothing down.
CREATE INDEX outbox_to_outsider ON outbox (recipient, created_at) WHERE user_id IS NULL AND state <> 'held';
CREATE INDEX outbox_to_outsiders_of_case ON outbox (case_id, created_at) WHERE user_id IS NULL AND state <> 'held';
CREATE INDEX outbox_to_outsiders ON outbox (created_at) WHERE user_id IS NULL AND state <> 'held';
CREATE INDEX outbox_alerts ON outbox (recipient, created_at) WHERE kind = 'alert';

-- The file whose mails leave, by its inode: a copy of it is another one. No row: whichever sends first.
CREATE TABLE home (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  inode TEXT NOT NULL
) STRICT;

CREATE TABLE mail_keys (
  version INTEGER PRIMARY KEY AUTOINCREMENT,
  key BLOB NOT NULL CHECK (length(key) >= 32),
  created_at TEXT NOT NULL,
  retired_at TEXT
) STRICT;

-- What mail, cron and the team share -------------------------------------------------------------------

CREATE TABLE settings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE CHECK (key <> ''),
  value TEXT NOT NULL
) STRICT;

-- Journal ----------------------------------------------------------------------------------------------

-- step is the id of the first change set of one command, run or import; true_at is the clock on the wall.
CREATE TABLE change_sets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  step INTEGER NOT NULL,
  at TEXT NOT NULL,
  true_at TEXT NOT NULL,
  user_id INTEGER,
  source TEXT NOT NULL CHECK (source IN ('cli', 'mail', 'rules', 'segments', 'import', 'undo', 'system', 'outside')),
  command TEXT NOT NULL DEFAULT '',
  reason TEXT,
  undoes INTEGER,
  undone_by INTEGER
) STRICT;

CREATE INDEX change_sets_by_step ON change_sets (step);
CREATE INDEX change_sets_by_at ON change_sets (at);

-- old and new are JSON objects: column name to the value as an SQL literal, only the columns that changed.
CREATE TABLE changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  change_set_id INTEGER NOT NULL REFERENCES change_sets,
  table_name TEXT NOT NULL,
  row_id INTEGER NOT NULL,
  op TEXT NOT NULL CHECK (op IN ('insert', 'update', 'delete')),
  rule_id INTEGER,
  old TEXT,
  new TEXT
) STRICT;

CREATE INDEX changes_by_change_set ON changes (change_set_id);
CREATE INDEX changes_by_row ON changes (table_name, row_id, id);
CREATE INDEX changes_to_case ON changes (json_extract(new, '$.case_id')) WHERE json_extract(new, '$.case_id') IS NOT NULL;
CREATE INDEX changes_from_case ON changes (json_extract(old, '$.case_id')) WHERE json_extract(old, '$.case_id') IS NOT NULL;

-- What the journal is folded from: the rows as the newest migration left them, and the last change before it.
CREATE TABLE baselines (
  version INTEGER PRIMARY KEY,
  made_at TEXT NOT NULL,
  last_change_id INTEGER NOT NULL
) STRICT;

CREATE TABLE baseline_rows (
  table_name TEXT NOT NULL,
  row_id INTEGER NOT NULL,
  row TEXT NOT NULL,
  PRIMARY KEY (table_name, row_id)
) STRICT, WITHOUT ROWID;

-- One row while a transaction of ours is under way, none otherwise.
CREATE TABLE journal_context (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  change_set_id INTEGER NOT NULL,
  now TEXT NOT NULL,
  rule_id INTEGER
) STRICT;

-- Full text ----------------------------------------------------------------------------------------------

-- The index of every text that is searched, accents folded; the texts themselves stay where they are. A rowid is four
-- times the id of a row plus 0: the name of a case, 1: its description, 2: a communication (the id of its log row),
-- 3: the name of a file.
CREATE VIRTUAL TABLE texts USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 2');

-- FTS5 tells words by what stands between them. In scripts that write nothing there (Thai to Burmese, Khmer, Chinese
-- and Japanese), and in Korean, whose words carry their particles, each letter is made a word of its own: in the texts
-- by text_entry, in what is searched for by filters/words.py.
CREATE VIEW unspaced AS SELECT '[' || char(
  0x0E00, 45, 0x109F,  0x1780, 45, 0x17FF,  0x2E80, 45, 0x9FFF,  0xAC00, 45, 0xD7FF,
  0xF900, 45, 0xFAFF,  0xFF66, 45, 0xFF9F,  0x20000, 45, 0x3FFFF) || ']' AS letter;

-- The one way into the index: op is NULL to put a text in, 'delete' to take it out again. Most texts have no such letter,
-- and ASCII, then what lies below them all, is told much faster. Letters are taken by parts of 256, since counting through
-- a long text for each of them would take for ever.
CREATE VIEW text_entry AS SELECT NULL AS op, 0 AS id, '' AS text;

CREATE TRIGGER text_entry_insert INSTEAD OF INSERT ON text_entry WHEN NEW.text <> '' BEGIN
  INSERT INTO texts (texts, rowid, text)
  SELECT NEW.op, NEW.id, CASE
    WHEN length(NEW.text) = length(CAST(NEW.text AS BLOB))
      OR NEW.text NOT GLOB '*[' || char(0x0E00, 45, 0x3FFFF) || ']*'
      OR NEW.text NOT GLOB '*' || letter || '*' THEN NEW.text
    ELSE (
    WITH RECURSIVE
      part (text, rest) AS (
        SELECT substr(NEW.text, 1, 256), substr(NEW.text, 257)
        UNION ALL SELECT substr(rest, 1, 256), substr(rest, 257) FROM part WHERE rest <> ''),
      place (at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM place WHERE at < 256),
      spaced (text) AS (
        SELECT (
          SELECT group_concat(CASE WHEN sign GLOB letter THEN ' ' || sign || ' ' ELSE sign END, '')
          FROM (SELECT substr(part.text, at, 1) AS sign FROM place ORDER BY at))
        FROM part)
    SELECT group_concat(text, '') FROM spaced) END
  FROM unspaced;
END;

CREATE TRIGGER texts_case_insert AFTER INSERT ON cases BEGIN
  INSERT INTO text_entry (id, text) VALUES (NEW.id * 4, NEW.name), (NEW.id * 4 + 1, NEW.description);
END;

CREATE TRIGGER texts_case_name AFTER UPDATE OF name ON cases WHEN OLD.name IS NOT NEW.name BEGIN
  INSERT INTO text_entry (op, id, text) VALUES ('delete', OLD.id * 4, OLD.name), (NULL, NEW.id * 4, NEW.name);
END;

CREATE TRIGGER texts_case_description AFTER UPDATE OF description ON cases WHEN OLD.description IS NOT NEW.description BEGIN
  INSERT INTO text_entry (op, id, text)
  VALUES ('delete', OLD.id * 4 + 1, OLD.description), (NULL, NEW.id * 4 + 1, NEW.description);
END;

CREATE TRIGGER texts_case_delete AFTER DELETE ON cases BEGIN
  INSERT INTO text_entry (op, id, text)
  VALUES ('delete', OLD.id * 4, OLD.name), ('delete', OLD.id * 4 + 1, OLD.description);
END;

CREATE TRIGGER texts_history_insert AFTER INSERT ON case_history BEGIN
  INSERT INTO text_entry (id, text) VALUES (NEW.log_id * 4 + 2, NEW.description);
END;

CREATE TRIGGER texts_history_update AFTER UPDATE OF log_id, description ON case_history
WHEN OLD.log_id <> NEW.log_id OR OLD.description <> NEW.description BEGIN
  INSERT INTO text_entry (op, id, text)
  VALUES ('delete', OLD.log_id * 4 + 2, OLD.description), (NULL, NEW.log_id * 4 + 2, NEW.description);
END;

CREATE TRIGGER texts_history_delete AFTER DELETE ON case_history BEGIN
  INSERT INTO text_entry (op, id, text) VALUES ('delete', OLD.log_id * 4 + 2, OLD.description);
END;

CREATE TRIGGER texts_attachment_insert AFTER INSERT ON attachments BEGIN
  INSERT INTO text_entry (id, text) VALUES (NEW.id * 4 + 3, NEW.name);
END;

CREATE TRIGGER texts_attachment_update AFTER UPDATE OF name ON attachments WHEN OLD.name <> NEW.name BEGIN
  INSERT INTO text_entry (op, id, text) VALUES ('delete', OLD.id * 4 + 3, OLD.name), (NULL, NEW.id * 4 + 3, NEW.name);
END;

CREATE TRIGGER texts_attachment_delete AFTER DELETE ON attachments BEGIN
  INSERT INTO text_entry (op, id, text) VALUES ('delete', OLD.id * 4 + 3, OLD.name);
END;

-- Due times of rules ---------------------------------------------------------------------------------

-- Whose due times may have changed. A rule is dated where it has a date or a delay; without one nothing is noted.

CREATE INDEX rules_dated ON rules (id) WHERE active = 1 AND (date_type <> 'none' OR delay <> 0);

CREATE TRIGGER rule_stale_case_insert AFTER INSERT ON cases
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0)) BEGIN
  INSERT INTO rule_stale (case_id) VALUES (NEW.id);
END;

CREATE TRIGGER rule_stale_case_update
AFTER UPDATE OF state, priority, section_id, category_id, partner_id, user_id, starts_at, deadline_at, created_at, last_action_at, active
ON cases
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0)) BEGIN
  INSERT INTO rule_stale (case_id) VALUES (NEW.id);
END;

CREATE TRIGGER rule_stale_history_insert AFTER INSERT ON case_history
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0)) BEGIN
  INSERT INTO rule_stale (case_id) SELECT case_id FROM case_log WHERE id = NEW.log_id;
END;

CREATE TRIGGER rule_stale_log_move AFTER UPDATE OF case_id ON case_log
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0)) BEGIN
  INSERT INTO rule_stale (case_id) VALUES (OLD.case_id), (NEW.case_id);
END;

CREATE TRIGGER rule_stale_log_delete AFTER DELETE ON case_log
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0)) BEGIN
  INSERT INTO rule_stale (case_id) SELECT id FROM cases WHERE id = OLD.case_id;
END;

CREATE TRIGGER rule_stale_firing_insert AFTER INSERT ON rule_firings
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0)) BEGIN
  INSERT INTO rule_stale (case_id) VALUES (NEW.case_id);
END;

CREATE TRIGGER rule_stale_firing_update AFTER UPDATE OF state ON rule_firings
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0)) BEGIN
  INSERT INTO rule_stale (case_id) VALUES (NEW.case_id);
END;

CREATE TRIGGER rule_stale_member_insert AFTER INSERT ON partner_category_members
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0) AND partner_category_id IS NOT NULL) BEGIN
  INSERT INTO rule_stale (case_id) SELECT id FROM cases WHERE partner_id = NEW.partner_id;
END;

CREATE TRIGGER rule_stale_member_update AFTER UPDATE OF partner_id, category_id ON partner_category_members
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0) AND partner_category_id IS NOT NULL) BEGIN
  INSERT INTO rule_stale (case_id) SELECT id FROM cases WHERE partner_id IN (OLD.partner_id, NEW.partner_id);
END;

CREATE TRIGGER rule_stale_member_delete AFTER DELETE ON partner_category_members
WHEN EXISTS (SELECT 1 FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0) AND partner_category_id IS NOT NULL) BEGIN
  INSERT INTO rule_stale (case_id) SELECT id FROM cases WHERE partner_id = OLD.partner_id;
END;

CREATE TRIGGER rule_stale_rule_insert AFTER INSERT ON rules BEGIN
  INSERT INTO rule_stale (rule_id) VALUES (NEW.id);
END;

CREATE TRIGGER rule_stale_rule_update
AFTER UPDATE OF active, state_to, date_type, delay, delay_unit, state_from, section_id, section_sub, category_id, user_id, partner_id,
  partner_category_id, partner_category_sub, min_priority, max_priority, min_messages, repeat, effective_from
ON rules BEGIN
  INSERT INTO rule_stale (rule_id) VALUES (NEW.id);
END;

CREATE TRIGGER rule_stale_section_update AFTER UPDATE OF parent_id ON sections BEGIN
  INSERT INTO rule_stale (rule_id) SELECT id FROM rules WHERE section_sub = 1;
END;

CREATE TRIGGER rule_stale_partner_category_update AFTER UPDATE OF parent_id ON partner_categories BEGIN
  INSERT INTO rule_stale (rule_id) SELECT id FROM rules WHERE partner_category_sub = 1;
END;

CREATE TRIGGER rule_stale_zone_insert AFTER INSERT ON settings WHEN NEW.key = 'zone' BEGIN
  INSERT INTO rule_stale (rule_id) SELECT id FROM rules;
END;

CREATE TRIGGER rule_stale_zone_update AFTER UPDATE ON settings WHEN NEW.key = 'zone' BEGIN
  INSERT INTO rule_stale (rule_id) SELECT id FROM rules;
END;

CREATE TRIGGER rule_stale_zone_delete AFTER DELETE ON settings WHEN OLD.key = 'zone' BEGIN
  INSERT INTO rule_stale (rule_id) SELECT id FROM rules;
END;

-- Documented views: stable for scripts ------------------------------------------------------------------

-- 'Sales / North' for every section.
CREATE VIEW section_paths AS
  WITH RECURSIVE tree (id, path) AS (
    SELECT id, name FROM sections WHERE parent_id IS NULL
    UNION ALL
    SELECT s.id, tree.path || ' / ' || s.name FROM sections s JOIN tree ON s.parent_id = tree.id
  ) SELECT id, path FROM tree;

CREATE VIEW partner_category_paths AS
  WITH RECURSIVE tree (id, path) AS (
    SELECT id, name FROM partner_categories WHERE parent_id IS NULL
    UNION ALL
    SELECT c.id, tree.path || ' / ' || c.name FROM partner_categories c JOIN tree ON c.parent_id = tree.id
  ) SELECT id, path FROM tree;

CREATE VIEW v_cases AS
  SELECT c.id, c.name, c.state, c.priority,
         c.section_id, p.path AS section,
         c.category_id, (SELECT name FROM categories WHERE id = c.category_id) AS category,
         c.partner_id, (SELECT name FROM partners WHERE id = c.partner_id) AS partner,
         c.contact_id, (SELECT coalesce(nullif(name, ''), email) FROM contacts WHERE id = c.contact_id) AS contact,
         c.email_from, c.email_cc,
         c.user_id, (SELECT login FROM users WHERE id = c.user_id) AS user,
         c.starts_at, c.deadline_at, c.created_at, c.closed_at, c.last_action_at,
         (SELECT min(due_at) FROM rule_due d WHERE d.case_id = c.id) AS next_action_at,
         c.wake_at, c.lost_reason, c.planned_revenue, c.planned_cost, c.probability,
         c.channel_id, (SELECT name FROM channels WHERE id = c.channel_id) AS channel,
         c.mood_id, (SELECT name FROM moods WHERE id = c.mood_id) AS mood,
         c.ref, c.ref2, c.created_by, c.description,
         (SELECT h.description FROM case_log l JOIN case_history h ON h.log_id = l.id
          WHERE l.case_id = c.id ORDER BY h.id DESC LIMIT 1) AS email_last,
         c.active
  FROM cases c LEFT JOIN section_paths p ON p.id = c.section_id;

CREATE VIEW v_history AS
  SELECT h.id, h.log_id, l.case_id, l.at, l.name, h.direction, h.email, h.description,
         coalesce(h.email, '') || ' (' || l.at || ')' || char(10) || h.description AS note,
         l.user_id, (SELECT login FROM users WHERE id = l.user_id) AS user,
         l.section_id, p.path AS section,
         l.channel_id, (SELECT name FROM channels WHERE id = l.channel_id) AS channel,
         l.mood_id, (SELECT name FROM moods WHERE id = l.mood_id) AS mood,
         h.message_id
  FROM case_history h JOIN case_log l ON l.id = h.log_id
  LEFT JOIN section_paths p ON p.id = l.section_id;

-- What happened to cases, communications and all else.
CREATE VIEW v_log AS
  SELECT l.id, l.case_id, l.at, l.name,
         l.user_id, (SELECT login FROM users WHERE id = l.user_id) AS user,
         l.section_id, p.path AS section,
         l.channel_id, (SELECT name FROM channels WHERE id = l.channel_id) AS channel,
         l.mood_id, (SELECT name FROM moods WHERE id = l.mood_id) AS mood,
         l.rule_id, (SELECT name FROM rules WHERE id = l.rule_id) AS rule
  FROM case_log l LEFT JOIN section_paths p ON p.id = l.section_id;

-- seconds is empty while the case still stands there.
CREATE VIEW v_spans AS
  SELECT s.id, s.case_id, s.state,
         s.section_id, p.path AS section,
         s.user_id, (SELECT login FROM users WHERE id = s.user_id) AS user,
         s.entered_at, s.left_at,
         CAST(strftime('%s', s.left_at) AS INTEGER) - CAST(strftime('%s', s.entered_at) AS INTEGER) AS seconds
  FROM case_spans s LEFT JOIN section_paths p ON p.id = s.section_id;

-- What `crm report opportunities` counts. expected is revenue times q, a probability to six decimals, rounded half-even to
-- the cent for each case: reckoned in hundred millionths, whole hundred millions apart from the rest, so that nothing overflows.
CREATE VIEW v_opportunities AS
  WITH
    counted AS (
      SELECT c.id, c.planned_revenue AS revenue, c.planned_cost AS cost, coalesce(c.probability, k.probability) AS q
      FROM cases c LEFT JOIN categories k ON k.id = c.category_id
      WHERE c.active = 1
        AND c.state IN ('draft', 'open', 'pending')
        AND (c.planned_revenue IS NOT NULL OR c.probability IS NOT NULL)),
    parted AS (SELECT *, CAST(round(q * 1000000) AS INTEGER) AS parts FROM counted),
    divided AS (
      SELECT *,
             abs(revenue) / 100000000 * parts + abs(revenue) % 100000000 * parts / 100000000 AS part,
             abs(revenue) % 100000000 * parts % 100000000 AS rest,
             abs(cost) / 100000000 * parts + abs(cost) % 100000000 * parts / 100000000 AS cost_part,
             abs(cost) % 100000000 * parts % 100000000 AS cost_rest
      FROM parted),
    rounded AS (
      SELECT id, q,
             coalesce((part + (rest > 50000000 OR (rest = 50000000 AND part % 2))) * (1 - 2 * (revenue < 0)), 0) AS expected,
             coalesce((cost_part + (cost_rest > 50000000 OR (cost_rest = 50000000 AND cost_part % 2))) * (1 - 2 * (cost < 0)), 0)
               AS expected_cost
      FROM divided)
  SELECT v.id, v.name, v.state, v.priority,
         v.section_id, v.section, v.category_id, v.category, v.partner_id, v.partner, v.user_id, v.user,
         v.created_at, v.deadline_at, v.next_action_at, v.planned_revenue, v.planned_cost,
         r.q, r.expected, r.expected_cost, r.expected - r.expected_cost AS expected_benefit
  FROM rounded r JOIN v_cases v ON v.id = r.id;

-- categories are names, unclosed counts the partner's cases that are.
CREATE VIEW v_partners AS
  SELECT p.id, p.name, p.ref,
         p.parent_id, (SELECT name FROM partners WHERE id = p.parent_id) AS parent,
         p.user_id, (SELECT login FROM users WHERE id = p.user_id) AS user,
         p.website, p.vat, p.lang, p.comment, p.customer, p.supplier,
         (SELECT group_concat(name, ', ') FROM partner_categories
          WHERE id IN (SELECT category_id FROM partner_category_members WHERE partner_id = p.id)) AS categories,
         (SELECT count(*) FROM cases
          WHERE partner_id = p.id AND active = 1 AND state IN ('draft', 'open', 'pending')) AS unclosed,
         p.active
  FROM partners p;

-- email_state tells whether mail still reaches the address.
CREATE VIEW v_contacts AS
  SELECT c.id, c.partner_id, (SELECT name FROM partners WHERE id = c.partner_id) AS partner,
         c.type, c.name, c.function, c.email,
         CASE WHEN c.email IS NOT NULL THEN coalesce((SELECT state FROM addresses WHERE address = c.email), 'ok') END AS email_state,
         c.phone, c.mobile, c.street, c.street2, c.zip, c.city, c.state, c.country, c.birthdate, c.active
  FROM contacts c;

-- Mails that go out, without what proves an answer to them: bytes, Message-IDs, envelope senders.
CREATE VIEW v_outbox AS
  SELECT o.id, o.kind, o.case_id, o.cause,
         o.user_id, (SELECT login FROM users WHERE id = o.user_id) AS user,
         o.recipient, o.subject, o.state, o.attempts, o.created_at, o.next_at, o.sent_at, o.error
  FROM outbox o;

-- Mails that came in, a row for each and its first delivery. A mail of ours that came back shows no Message-ID.
CREATE VIEW v_mails AS
  SELECT m.id, CASE WHEN m.class <> 'own-loop' THEN m.message_id END AS message_id,
         m.class, m."from", m.subject, m.date, m.received_at, m.size,
         d.case_id, d.state, d.reason
  FROM messages m LEFT JOIN deliveries d ON d.id = (SELECT min(id) FROM deliveries WHERE message_id = m.id);
