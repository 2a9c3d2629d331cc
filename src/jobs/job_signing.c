/* The secret that signs a team's webhooks, on its way to the courier. */
#include "jobs.h"
#include "store_secret.h"

#define FIELD STR("/webhookSigningSecret")

/* A fragment that is nothing but the reference, so that it travels like any other. */
static void fill(struct str name, const struct sealed_row *row, struct str team_id, struct arena *a,
                 struct ref_bundle *b)
{
    b->fragment = arena_printf(a, "${secret.%.*s}", (int)name.len, name.ptr);
    b->records = arena_array(a, 1, sizeof *b->records);
    b->uses = arena_array(a, 1, sizeof *b->uses);
    b->record_count = b->use_count = 1;
    b->records[0] = (struct ref_record){.context = {.team_id = team_id,
                                                    .secret_id = arena_str(a, ulid_str(&row->id)),
                                                    .name = name,
                                                    .version = row->version,
                                                    .epoch = row->epoch,
                                                    .created_at_ms = row->created_at_ms,
                                                    .policy = row->policy},
                                        .sealed = row->sealed};
    b->uses[0] = (struct ref_use){
        .begin = 0, .end = b->fragment.len, .sink = REF_CREDENTIAL, .record = 0, .pointer = FIELD};
}

enum err job_signing(struct store_tx *tx, const struct job *job, struct arena *a,
                     struct ref_bundle *ret, struct str *ret_name)
{
    struct team team;
    struct sealed_row row;
    struct str team_id = arena_str(a, ulid_str(&job->team_id));
    struct ref_bundle b = {.fragment = STR_EMPTY, .team_key = STR_EMPTY};
    *ret_name = STR_EMPTY;
    TRY(store_team_get(tx, team_id, a, &team));
    if (team.webhook_signing.len) {
        *ret_name = team.webhook_signing;
        TRY(store_secret_sealed(tx, team_id, team.webhook_signing, 0, a, &row));
        fill(team.webhook_signing, &row, team_id, a, &b);
        TRY(store_team_key_get(tx, team_id, row.key_version, a, &b.team_key));
    }
    *ret = b;
    return OK;
}
