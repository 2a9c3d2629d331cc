/* The schema as SQLite takes it. Keys are ULIDs, so rows are appended; WITHOUT ROWID where a row is
 * small and found by its key. Times are milliseconds since 1970; 0 is never. */
#include "store_schema.h"

static const char step_1[] =
    "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"

    /* secret_count saves counting rows at each insert. */
    "CREATE TABLE teams (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " key_version BIGINT NOT NULL, put_rotates BIGINT NOT NULL, secret_count BIGINT NOT NULL,"
    " created_at_ms BIGINT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE team_keys (team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,"
    " key_version BIGINT NOT NULL, team_key BLOB NOT NULL, PRIMARY KEY (team_id, key_version))"
    " WITHOUT ROWID;"

    "CREATE TABLE tokens (id TEXT NOT NULL PRIMARY KEY,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, name TEXT NOT NULL,"
    " role BIGINT NOT NULL, names TEXT NOT NULL, addresses TEXT NOT NULL,"
    " created_at_ms BIGINT NOT NULL, expires_at_ms BIGINT NOT NULL, last_used_at_ms BIGINT NOT "
    "NULL,"
    " revoked_at_ms BIGINT NOT NULL, created_by TEXT NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX tokens_team ON tokens (team_id, created_at_ms);"

    /* folded: the name in lower case (ASCII), which must be unique. */
    "CREATE TABLE secrets (id TEXT NOT NULL PRIMARY KEY,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, name TEXT NOT NULL,"
    " folded TEXT NOT NULL, version BIGINT NOT NULL, epoch BIGINT NOT NULL,"
    " created_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL,"
    " last_used_at_ms BIGINT NOT NULL, policy BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX secrets_name ON secrets (team_id, folded);"
    /* With a rowid: large rows, appended also when an old secret gets a new version. */
    "CREATE TABLE versions (secret_id TEXT NOT NULL REFERENCES secrets(id) ON DELETE CASCADE,"
    " version BIGINT NOT NULL, team_id TEXT NOT NULL, epoch BIGINT NOT NULL,"
    " created_at_ms BIGINT NOT NULL, policy BLOB NOT NULL, key_version BIGINT NOT NULL,"
    " sealed BLOB NOT NULL, PRIMARY KEY (secret_id, version));"
    "CREATE INDEX versions_key ON versions (team_id, key_version, secret_id, version);"

    /* No reference to teams: the log outlives them. */
    "CREATE TABLE audit (team_id TEXT NOT NULL, sequence BIGINT NOT NULL, at_ms BIGINT NOT NULL,"
    " record BLOB NOT NULL, mac BLOB NOT NULL, PRIMARY KEY (team_id, sequence)) WITHOUT ROWID;"

    "CREATE TABLE jobs (id TEXT NOT NULL PRIMARY KEY,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, state BIGINT NOT NULL,"
    " template_id TEXT NOT NULL, output_url TEXT NOT NULL, output_name TEXT NOT NULL,"
    " tags TEXT NOT NULL, engine TEXT NOT NULL, submitted_by TEXT NOT NULL,"
    " priority BIGINT NOT NULL, total_assets BIGINT NOT NULL, progress BIGINT NOT NULL,"
    " created_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL, started_at_ms BIGINT NOT NULL,"
    " finished_at_ms BIGINT NOT NULL, error_at_ms BIGINT NOT NULL, rendered_at_ms BIGINT NOT NULL,"
    " error TEXT NOT NULL, lease_id TEXT NOT NULL, lease_expires_at_ms BIGINT NOT NULL,"
    " lease_count BIGINT NOT NULL, lease_token TEXT NOT NULL, worker TEXT NOT NULL,"
    " output_bytes BIGINT NOT NULL, log_bytes BIGINT NOT NULL, log_consumed BIGINT NOT NULL);"
    "CREATE INDEX jobs_created ON jobs (team_id, created_at_ms, id);"
    "CREATE INDEX jobs_lease ON jobs (lease_id) WHERE lease_id <> '';"
    "CREATE INDEX jobs_expiry ON jobs (lease_expires_at_ms)"
    " WHERE state = 2 AND rendered_at_ms = 0;"
    "CREATE TABLE payloads (job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,"
    " payload BLOB NOT NULL);"
    "CREATE UNIQUE INDEX payloads_job ON payloads (job_id);"
    /* Only queued jobs: one row under the tag '' and one under each of the job's tags, so that
     * each worker finds its next job at the front of a few ranges. rank is -priority. */
    "CREATE TABLE queue (team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,"
    " engine TEXT NOT NULL, tag TEXT NOT NULL, rank BIGINT NOT NULL, job_id TEXT NOT NULL,"
    " PRIMARY KEY (team_id, engine, tag, rank, job_id)) WITHOUT ROWID;"
    "CREATE TABLE logs (job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,"
    " position BIGINT NOT NULL, text BLOB NOT NULL, PRIMARY KEY (job_id, position));"

    "CREATE TABLE tickets (hash BLOB NOT NULL PRIMARY KEY, kind BIGINT NOT NULL,"
    " team_id TEXT NOT NULL, job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,"
    " lease_id TEXT NOT NULL, pointer TEXT NOT NULL, expires_at_ms BIGINT NOT NULL,"
    " uses_left BIGINT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX tickets_job ON tickets (job_id);"
    "CREATE INDEX tickets_expiry ON tickets (expires_at_ms);"
    "CREATE TABLE deliveries (id TEXT NOT NULL PRIMARY KEY,"
    " job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, team_id TEXT NOT NULL,"
    " kind BIGINT NOT NULL, state BIGINT NOT NULL, attempts BIGINT NOT NULL,"
    " next_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL, message TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX deliveries_job ON deliveries (job_id);"
    "CREATE INDEX deliveries_due ON deliveries (next_at_ms, id) WHERE state = 1;";

/* Nested jobs, joins, batches, protocol v1, policies by default, signed webhooks. */
static const char step_2[] =
    "ALTER TABLE teams ADD COLUMN strict BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE teams ADD COLUMN webhook_signing TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE jobs ADD COLUMN kind BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN parent_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE jobs ADD COLUMN parent_asset BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN waiting BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN batch_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE jobs ADD COLUMN batch_index BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN exposes BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN stock BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN missing_fonts TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX jobs_parent ON jobs (parent_id, parent_asset) WHERE parent_id <> '';"
    "CREATE INDEX jobs_batch ON jobs (batch_id, batch_index) WHERE batch_id <> '';"
    "CREATE TABLE batches (id TEXT NOT NULL PRIMARY KEY,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, total BIGINT NOT NULL,"
    " created_at_ms BIGINT NOT NULL) WITHOUT ROWID;"
    /* lost: times in a row that the courier died over it */
    "ALTER TABLE deliveries ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;"
    "CREATE INDEX deliveries_team ON deliveries (team_id, kind, next_at_ms, id) WHERE state = 1;"

    /* file: which upload lies in the spool; '' none. */
    "CREATE TABLE templates (id TEXT NOT NULL PRIMARY KEY,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, type BIGINT NOT NULL,"
    " display_name TEXT NOT NULL, status BIGINT NOT NULL, src TEXT NOT NULL, error TEXT NOT NULL,"
    " file TEXT NOT NULL, bytes BIGINT NOT NULL, created_at_ms BIGINT NOT NULL,"
    " updated_at_ms BIGINT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX templates_team ON templates (team_id, id);"
    /* The jobs that have not ended. */
    "CREATE INDEX jobs_template ON jobs (team_id, template_id)"
    " WHERE state < 3 AND template_id <> '';"
    "CREATE TABLE transfers (hash BLOB NOT NULL PRIMARY KEY, kind BIGINT NOT NULL,"
    " team_id TEXT NOT NULL,"
    " template_id TEXT NOT NULL REFERENCES templates(id) ON DELETE CASCADE,"
    " token_id TEXT NOT NULL, expires_at_ms BIGINT NOT NULL, used BIGINT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX transfers_template ON transfers (template_id, kind);"
    "CREATE INDEX transfers_expiry ON transfers (expires_at_ms);"
    /* folded: the file name in lower case (ASCII), which must be unique. */
    "CREATE TABLE fonts (id TEXT NOT NULL PRIMARY KEY,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, family_name TEXT NOT NULL,"
    " file_name TEXT NOT NULL, folded TEXT NOT NULL, bytes BIGINT NOT NULL,"
    " created_at_ms BIGINT NOT NULL) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX fonts_name ON fonts (team_id, folded);"
    /* Only of jobs that have not ended. */
    "CREATE TABLE job_fonts (job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,"
    " font_id TEXT NOT NULL REFERENCES fonts(id) ON DELETE CASCADE,"
    " PRIMARY KEY (job_id, font_id)) WITHOUT ROWID;"
    "CREATE INDEX job_fonts_font ON job_fonts (font_id);";

/* Which jobs a secret's name stands in. Jobs from before are looked through byte by byte for what
 * looks like a reference: one name too many does no harm, since the payload is read again. */
static const char step_job_secrets[] =
    "CREATE TABLE job_secrets (team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,"
    " name TEXT NOT NULL, job_id TEXT NOT NULL, PRIMARY KEY (team_id, name, job_id))"
    " WITHOUT ROWID;"
    "INSERT INTO job_secrets (team_id, name, job_id)"
    " WITH RECURSIVE found (team_id, job_id, at) AS ("
    "  SELECT team_id, id, 1 FROM jobs"
    "  UNION ALL"
    "  SELECT f.team_id, f.job_id,"
    "   f.at + instr(substr(p.payload, f.at), CAST('${secret' AS BLOB)) + 7"
    "   FROM found f JOIN payloads p ON p.job_id = f.job_id"
    "   WHERE instr(substr(p.payload, f.at), CAST('${secret' AS BLOB)) > 0),"
    " rest (team_id, job_id, text) AS ("
    "  SELECT f.team_id, f.job_id, CAST(substr(p.payload, f.at, 200) AS TEXT)"
    "   FROM found f JOIN payloads p ON p.job_id = f.job_id WHERE f.at > 1),"
    " body (team_id, job_id, text) AS ("
    "  SELECT team_id, job_id, replace(substr(text, CASE WHEN substr(text, 1, 2) = 's.' THEN 3"
    "   ELSE 2 END), '@', '}') FROM rest"
    "  WHERE substr(text, 1, 1) = '.' OR substr(text, 1, 2) = 's.')"
    " SELECT DISTINCT team_id, substr(text, 1, instr(text, '}') - 1), job_id FROM body"
    " WHERE instr(text, '}') BETWEEN 2 AND 129;";

/* Sessions of the web console. */
static const char step_console_sessions[] =
    "CREATE TABLE console_sessions (id TEXT NOT NULL PRIMARY KEY,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,"
    " token_id TEXT NOT NULL REFERENCES tokens(id) ON DELETE CASCADE,"
    " created_at_ms BIGINT NOT NULL, seen_at_ms BIGINT NOT NULL, address TEXT NOT NULL,"
    " user_agent TEXT NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX console_sessions_team ON console_sessions (team_id, id);"
    "CREATE INDEX console_sessions_token ON console_sessions (token_id, id);";

/* Restored from a backup: void until the operator approves it. */
static const char step_backup[] =
    "ALTER TABLE tokens ADD COLUMN suspended_at_ms BIGINT NOT NULL DEFAULT 0;";

/* Which project lies in a zip. */
static const char step_template_project[] =
    "ALTER TABLE templates ADD COLUMN project TEXT NOT NULL DEFAULT '';";

const char *const store_schema_steps[] = {
    step_1, step_2, step_job_secrets, step_console_sessions, step_backup, step_template_project};
const size_t store_schema_step_count = ARRAY_LEN(store_schema_steps);
