/*
 * agent_faq.c - an agent that answers from Markdown files, asks back once, and says when it does not
 * know; then it hands over.
 *
 * Everything is answered at once, within ask(). What it asked back is kept in the opaque state, so
 * that the answer to it means the same after a restart.
 */
#include "config.h"

#include <tandem/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/json.h>

#include "plugins/agent_faq_decide.h"

#define SUMMARY_BYTES 500
#define SOURCES_BYTES 1024

struct conf {
    const char *kb, *language;
};

static const struct td_conf_key conf_keys[] = {
    TD_CONF_STR(struct conf, kb, TD_REQUIRED | TD_PATH, NULL,
                "Directory of what it knows: <language>/*.md and <language>/words; read when it "
                "starts."),
    TD_CONF_STR(struct conf, language, 0, NULL,
                "Language of customers whose own is not known or not there; unset: en, or the first "
                "of the directory."),
    TD_CONF_END,
};

struct agent {
    const struct td_host *host;
    struct td_instance *inst;
    struct kb *kb;
    const struct kb_lang *fallback;
};

/* ---- What is asked --------------------------------------------------------------------------- */

/* A turn, as far as it matters here. */
struct asked {
    char text[KB_WORDS_TEXT];
    cJSON *state;
    struct faq_question question;
};

/* The longest prefix of whole characters within max bytes. */
static size_t cut(const char *text, size_t max)
{
    size_t len = strlen(text);

    if (len > max) {
        len = max;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    return len;
}

static void read_messages(struct asked *asked, const struct td_turn *turn)
{
    size_t len = 0;

    for (size_t i = 0; i < turn->n_messages; i++) {
        const struct td_message *message = turn->messages[i];
        const size_t room = sizeof asked->text - len - 2;

        if (message->choice != NULL)
            asked->question.choice = message->choice;
        if (message->text == NULL || message->text[0] == '\0' || len + 2 >= sizeof asked->text)
            continue;
        if (len > 0)
            asked->text[len++] = '\n';
        memcpy(asked->text + len, message->text, cut(message->text, room));
        len += cut(message->text, room);
    }
    asked->text[len] = '\0';
    asked->question.text = asked->text;
}

/* {"lang":"en","given":[".."],"question":"..","sources":[".."]}: what is not that is as if it were not there. */
static void read_state(struct asked *asked, const char *json)
{
    struct faq_open *open = &asked->question.open;
    const cJSON *sources, *source;
    struct faq_question *question = &asked->question;
    char why[160];

    if (json != NULL)
        asked->state = td_json_parse(json, strlen(json), NULL, why, sizeof why);
    if (!cJSON_IsObject(asked->state))
        return;
    sources = td_json_get(asked->state, "given");
    cJSON_ArrayForEach (source, sources) {
        if (cJSON_IsString(source) && question->n_given < FAQ_GIVEN)
            question->given[question->n_given++] = source->valuestring;
    }
    open->question = td_json_get_str(asked->state, "question");
    sources = td_json_get(asked->state, "sources");
    cJSON_ArrayForEach (source, sources) {
        if (cJSON_IsString(source) && open->n < FAQ_CHOICES)
            open->sources[open->n++] = source->valuestring;
    }
}

/* ---- What is answered ------------------------------------------------------------------------ */

/* All that an answer points to. */
struct said {
    struct td_answer answer;
    struct td_message message;
    const struct td_message *messages[1];
    struct td_choice choices[FAQ_CHOICES + 1];
    const struct td_choice *choice_list[FAQ_CHOICES + 1];
    char intent[KB_TITLE_MAX], summary[SUMMARY_BYTES + 1], text[2 * KB_TEXT_MAX + 4];
    struct td_json state, sources;
};

static void say(struct said *said, const char *text)
{
    if (text[0] == '\0')
        return;
    said->message = (struct td_message){ .size = sizeof said->message, .author = TD_AI,
                                         .text = text };
    said->messages[0] = &said->message;
    said->answer.messages = said->messages;
    said->answer.n_messages = 1;
}

static void escalate(struct said *said, const char *code, const char *question)
{
    const size_t len = cut(question, SUMMARY_BYTES);

    said->answer.decision = TD_ESCALATE;
    said->answer.escalate_code = code;
    memcpy(said->summary, question, len);
    said->summary[len] = '\0';
    if (len > 0)
        said->answer.summary = said->answer.escalate_text = said->summary;
}

/* "refunds" of "en/refunds.md#window". */
static void set_intent(struct said *said, const char *source)
{
    const char *name = strchr(source, '/') + 1;

    snprintf(said->intent, sizeof said->intent, "%.*s", (int)strcspn(name, "."), name);
    said->answer.intent = said->intent;
}

static void say_article(struct said *said, const struct faq_answer *got, const char *question)
{
    const struct kb_section *section = got->sections[0];

    say(said, section->text);
    set_intent(said, section->source);
    td_json_array(&said->sources);
    td_json_str(&said->sources, section->source);
    td_json_array_end(&said->sources);
    said->answer.sources = td_json_text(&said->sources);
    said->answer.grounded = 1;
    if (section->escalate != NULL)
        escalate(said, section->escalate, question);
}

/* In other words than before, which show a way out: the same answer twice is a loop. */
static void say_again(struct said *said, const struct kb_lang *lang, const struct faq_answer *got,
                      const char *question)
{
    const struct kb_section *again = kb_section_to_say(lang, "again");

    say_article(said, got, question);
    if (again == NULL || again->text[0] == '\0')
        return;
    snprintf(said->text, sizeof said->text, "%s\n\n%s", again->text, got->sections[0]->text);
    said->message.text = said->text;
}

static void say_choices(struct said *said, const struct kb_lang *lang,
                        const struct faq_answer *got)
{
    say(said, kb_section_to_say(lang, "which")->text);
    for (size_t i = 0; i <= got->n; i++) {
        said->choices[i] = (struct td_choice){
            .size = sizeof said->choices[i],
            .title = i < got->n ? got->sections[i]->title : kb_section_to_say(lang, "none")->text,
            .value = i < got->n ? got->sections[i]->source : FAQ_NONE,
        };
        said->choice_list[i] = &said->choices[i];
    }
    said->message.choices = said->choice_list;
    said->message.n_choices = got->n + 1;
    said->answer.decision = TD_CLARIFY;
    said->answer.clarify_slot = "topic";
}

static void write_given(struct said *said, const struct faq_answer *got,
                        const struct faq_question *question)
{
    const int more = got->outcome == FAQ_ANSWER;

    td_json_key(&said->state, "given");
    td_json_array(&said->state);
    if (more)
        td_json_str(&said->state, got->sections[0]->source);
    for (size_t i = 0; i < question->n_given && i + (size_t)more < FAQ_GIVEN; i++)
        td_json_str(&said->state, question->given[i]);
    td_json_array_end(&said->state);
}

static void write_state(struct said *said, const struct kb_lang *lang,
                        const struct faq_answer *got, const struct faq_question *question)
{
    td_json_object(&said->state);
    td_json_key_str(&said->state, "lang", lang->name);
    write_given(said, got, question);
    if (got->outcome == FAQ_ASK) {
        td_json_key(&said->state, "question");
        td_json_strn(&said->state, question->text, cut(question->text, FAQ_QUESTION_MAX));
        td_json_key(&said->state, "sources");
        td_json_array(&said->state);
        for (size_t i = 0; i < got->n; i++)
            td_json_str(&said->state, got->sections[i]->source);
        td_json_array_end(&said->state);
    }
    td_json_object_end(&said->state);
    said->answer.state = td_json_text(&said->state);
}

static void fill(struct said *said, const struct kb_lang *lang, const struct faq_answer *got,
                 const struct faq_question *question)
{
    const char *about = question->open.question != NULL ? question->open.question : question->text;

    said->answer.decision = TD_RESOLVE;
    said->answer.confidence = got->confidence;
    said->answer.language = lang->name;
    switch (got->outcome) {
    case FAQ_ANSWER: say_article(said, got, about); break;
    case FAQ_AGAIN: say_again(said, lang, got, about); break;
    case FAQ_TALK:
        say(said, got->sections[0]->text);
        said->answer.intent = "smalltalk";
        break;
    case FAQ_ASK: say_choices(said, lang, got); break;
    case FAQ_UNKNOWN:
        say(said, kb_section_to_say(lang, "unknown")->text);
        said->answer.intent = "unknown"; /* not what was talked of before */
        said->answer.confidence = -1;
        said->answer.grounded = 0;
        escalate(said, "no_grounding", about);
        break;
    }
    write_state(said, lang, got, question);
}

static void answer(struct agent *agent, uint64_t job, struct said *said)
{
    if (said->state.failed || said->sources.failed)
        said->answer = (struct td_answer){ .size = sizeof said->answer, .status = TD_RETRY,
                                           .detail = "out of memory", .confidence = -1,
                                           .grounded = -1 };
    agent->host->answer(agent->inst, job, &said->answer);
    td_json_free(&said->state);
    td_json_free(&said->sources);
}

static void agent_ask(void *self, uint64_t job, const struct td_turn *turn)
{
    struct agent *agent = self;
    struct asked asked = { .question = { .may_ask = turn->clarify_left > 0 } };
    struct said said = { .answer = { .size = sizeof said.answer, .confidence = -1,
                                     .grounded = -1 } };
    const struct kb_lang *lang;
    struct faq_answer got;

    read_messages(&asked, turn);
    read_state(&asked, turn->state);
    lang = kb_lang_of(agent->kb, asked.text, td_json_get_str(asked.state, "lang"),
                      turn->session->locale, agent->fallback);
    if (turn->n_messages > 0) {
        faq_decide(lang, &asked.question, &got);
        fill(&said, lang, &got, &asked.question);
    } else if (turn->cause == TD_BY_START) {
        say(&said, kb_section_to_say(lang, "start")->text);
        said.answer.language = lang->name;
    } else {
        said.answer.silent = "nothing was asked";
    }
    answer(agent, job, &said);
    cJSON_Delete(asked.state);
}

static void agent_cancel(void *self, uint64_t job)
{
    (void)self;
    (void)job; /* every job is answered within ask() */
}

/* ---- The instance ---------------------------------------------------------------------------- */

static int has_all_to_say(const struct kb *kb, const char *dir, struct td_error *err)
{
    static const char *const needed[] = { "start", "which", "none", "unknown" };

    for (size_t i = 0; i < kb_n_langs(kb); i++) {
        const struct kb_lang *lang = kb_lang_at(kb, i);

        for (size_t k = 0; k < sizeof needed / sizeof needed[0]; k++) {
            const struct kb_section *section = kb_section_to_say(lang, needed[k]);

            if (section != NULL && section->text[0] != '\0')
                continue;
            snprintf(err->text, sizeof err->text,
                     "%.300s/%s has no section with <!-- say: %s --> and a text: see its README", dir,
                     lang->name, needed[k]);
            return 0;
        }
    }
    return 1;
}

static enum td_status refuse(struct agent *agent, enum td_status status)
{
    kb_close(&agent->kb);
    free(agent);
    return status;
}

static enum td_status agent_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf_, void **self_r, struct td_error *err)
{
    const struct conf *conf = conf_;
    struct agent *agent = malloc(sizeof *agent);

    if (agent == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    *agent = (struct agent){ .host = host, .inst = inst, .kb = kb_open(conf->kb, err) };
    if (agent->kb == NULL || !has_all_to_say(agent->kb, conf->kb, err))
        return refuse(agent, TD_CONF);
    agent->fallback = kb_lang_fallback(agent->kb, conf->language, err);
    if (agent->fallback == NULL)
        return refuse(agent, TD_CONF);
    *self_r = agent;
    return TD_OK;
}

static void agent_close(void *self)
{
    struct agent *agent = self;

    kb_close(&agent->kb);
    free(agent);
}

static const struct td_agent_ops ops = {
    .size = sizeof ops,
    .open = agent_open,
    .ask = agent_ask,
    .cancel = agent_cancel,
    .close = agent_close,
};

TD_PLUGIN_DEFINE(.kind = TD_AGENT, .name = "faq", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
