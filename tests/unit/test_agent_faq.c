/* test_agent_faq.c - plugins/agent_faq.c over the demo shop: answered, asked back, owned up. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fake_host.h"
#include "tests/check.h"

extern const struct td_plugin td_plugin_0;

static struct fake *f;
static char *state_kept; /* what the gateway would keep */
static uint64_t jobs;

static const char *kb_dir(void)
{
    static char dir[1024];
    const char *top = getenv("top_srcdir");

    snprintf(dir, sizeof dir, "%s/conf/kb", top != NULL ? top : ".");
    return dir;
}

static int set_up(void **state)
{
    char conf[1100];

    (void)state;
    snprintf(conf, sizeof conf, "kb = %s", kb_dir());
    f = fake_new("front");
    assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, conf)), TD_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    free(state_kept);
    state_kept = NULL;
    return 0;
}

struct ask {
    const char *text, *choice, *locale;
    enum td_cause cause;
    int no_question; /* none left to ask back */
};

static const struct td_answer *asked(const struct ask *ask)
{
    const struct td_customer customer = { .size = sizeof customer };
    const struct td_session_info session = {
        .size = sizeof session, .id = "01JD0000000000000000000000", .channel = "web",
        .kind = "webchat", .locale = ask->locale, .customer = &customer,
    };
    const struct td_message message = { .size = sizeof message, .id = "m1", .text = ask->text,
                                        .choice = ask->choice, .seq = 1 };
    const struct td_message *const messages[] = { &message };
    const struct td_turn turn = {
        .size = sizeof turn, .id = "01JD0000000000000000000001", .epoch = 1, .attempt = 1,
        .session = &session, .messages = messages, .cause = ask->cause,
        .n_messages = ask->cause == TD_BY_MESSAGE, .deadline_ms = 8000,
        .clarify_left = ask->no_question ? 0 : 1, .state = state_kept,
    };
    const struct fake_call *call;

    fake_ask(f, ++jobs, &turn);
    call = fake_next(f, FAKE_ANSWER);
    assert_int_equal(call->id, jobs);
    assert_int_equal(call->answer->status, TD_OK);
    if (call->answer->state != NULL) {
        free(state_kept);
        state_kept = strdup(call->answer->state);
    }
    return call->answer;
}

#define SAID(...) asked(&(struct ask){ __VA_ARGS__ })

static const char *text_of(const struct td_answer *answer)
{
    return answer->n_messages > 0 ? answer->messages[0]->text : "";
}

static void begins(const struct td_answer *answer, const char *text)
{
    if (strncmp(text_of(answer), text, strlen(text)) != 0)
        fail_msg("'%s' does not begin with '%s'", text_of(answer), text);
}

static void a_question_is_answered_with_its_source(void **state)
{
    const struct td_answer *a = SAID(.text = "How long does a refund take?");

    (void)state;
    assert_int_equal(a->decision, TD_RESOLVE);
    begins(a, "Five working days");
    assert_string_equal(a->sources, "[\"en/refunds.md#how-long-does-a-refund-take\"]");
    assert_int_equal(a->grounded, 1);
    assert_true(a->confidence > 0.9 && a->confidence <= 1);
    assert_string_equal(a->intent, "refunds");
    assert_string_equal(a->language, "en");
}

static void it_says_that_it_does_not_know_and_hands_over(void **state)
{
    const struct td_answer *a = SAID(.text = "Can you book me a flight to Lisbon on Friday?");

    (void)state;
    assert_int_equal(a->decision, TD_ESCALATE);
    assert_string_equal(a->escalate_code, "no_grounding");
    assert_int_equal(a->grounded, 0);
    begins(a, "I am sorry, I do not have an answer to that.");
    assert_string_equal(a->summary, "Can you book me a flight to Lisbon on Friday?");
    assert_null(a->sources);
}

static void two_topics_that_are_near_are_asked_about_once(void **state)
{
    const struct td_answer *a = SAID(.text = "refund");
    char value[128];

    (void)state;
    assert_int_equal(a->decision, TD_CLARIFY);
    assert_string_equal(a->clarify_slot, "topic");
    begins(a, "I want to be sure");
    assert_true(a->messages[0]->n_choices >= 3);
    assert_string_equal(a->messages[0]->choices[a->messages[0]->n_choices - 1]->value, "none");
    snprintf(value, sizeof value, "%s", a->messages[0]->choices[1]->value);
    a = SAID(.text = a->messages[0]->choices[1]->title, .choice = value);
    assert_int_equal(a->decision, TD_RESOLVE);
    assert_non_null(strstr(a->sources, value));
    assert_non_null(strstr(state_kept, value)); /* it was given */
    assert_null(strstr(state_kept, "question"));
}

static void the_same_choice_again_gets_the_article_and_the_way_to_a_human(void **state)
{
    const struct td_answer *a = SAID(.text = "refund");
    char value[128], title[128], article[2000];

    (void)state;
    snprintf(value, sizeof value, "%s", a->messages[0]->choices[0]->value);
    snprintf(title, sizeof title, "%s", a->messages[0]->choices[0]->title);
    snprintf(article, sizeof article, "%s", text_of(SAID(.text = title, .choice = value)));
    a = SAID(.text = title, .choice = value);
    begins(a, "Here is that answer once more. If it does not help you, write \"person\"");
    assert_non_null(strstr(text_of(a), article));
    assert_non_null(strstr(a->sources, value));
    assert_int_equal(a->decision, TD_RESOLVE);
    begins(SAID(.text = "How long does a refund take?"), "Five working days");
    begins(SAID(.text = title, .choice = value), "Here is that answer once more.");
    assert_null(SAID(.text = "xyzzy", .choice = "en/talk.md#once-more")->sources);
}

/* The state goes out and comes back, perhaps to another process. */
static void a_question_asked_back_is_taken_up_after_a_restart(void **state)
{
    (void)SAID(.text = "refund");
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    assert_int_equal(set_up(state), 0);
    begins(SAID(.text = "how long, I mean"), "Five working days");
}

static void what_was_asked_back_is_answered_in_words_by_number_or_not_at_all(void **state)
{
    const char *second;
    const struct td_answer *a = SAID(.text = "refund");

    (void)state;
    second = a->messages[0]->choices[1]->value;
    assert_non_null(strstr(SAID(.text = "2")->sources, second));
    (void)SAID(.text = "refund");
    a = SAID(.text = "neither of these");
    assert_string_equal(a->escalate_code, "no_grounding");
    assert_string_equal(a->summary, "refund");
    (void)SAID(.text = "refund");
    a = SAID(.text = "Something else", .choice = "none");
    assert_string_equal(a->escalate_code, "no_grounding");
    (void)SAID(.text = "refund");
    begins(SAID(.text = "no, when are you open on Saturday?"), "The shop in Camden is open");
}

static void without_a_question_left_it_answers_or_owns_up(void **state)
{
    const struct td_answer *a = SAID(.text = "refund", .no_question = 1);

    (void)state;
    assert_int_equal(a->decision, TD_RESOLVE);
    assert_int_equal(a->messages[0]->n_choices, 0);
}

static void small_talk_gets_a_friendly_word(void **state)
{
    (void)state;
    begins(SAID(.text = "Hello there!"), "Hello! I answer questions");
    begins(SAID(.text = "thanks a lot"), "You are welcome");
    begins(SAID(.text = "Are you a robot?"), "I am an automated assistant");
    begins(SAID(.text = "Hello, when do you open?"), "The shop in Camden is open");
    assert_int_equal(SAID(.text = "ok")->grounded, -1);
}

static void each_language_answers_in_its_own(void **state)
{
    const struct td_answer *a = SAID(.text = "Wann kommt mein Paket?");

    (void)state;
    begins(a, "Jedes Paket");
    assert_string_equal(a->language, "de");
    begins(SAID(.text = "danke"), "Gern geschehen");
    begins(SAID(.text = "Where is my invoice?"), "The invoice is attached");
    free(state_kept);
    state_kept = NULL;
    begins(SAID(.text = "PayPal", .locale = "de-AT"), "Mit Kredit");
    begins(SAID(.cause = TD_BY_START, .locale = "de"), "Hallo! Was kann ich");
}

static void a_topic_for_people_is_handed_over_with_its_reason(void **state)
{
    const struct td_answer *a = SAID(.text = "you charged me twice!");

    (void)state;
    assert_int_equal(a->decision, TD_ESCALATE);
    assert_string_equal(a->escalate_code, "refund_dispute");
    assert_int_equal(a->grounded, 1);
}

static void odd_turns_are_answered(void **state)
{
    (void)state;
    assert_string_equal(SAID(.text = NULL)->escalate_code, "no_grounding");
    assert_string_equal(SAID(.text = "?!?")->escalate_code, "no_grounding");
    assert_string_equal(SAID(.cause = TD_BY_RETURN)->silent, "nothing was asked");
    free(state_kept);
    state_kept = strdup("[{\"lang\":7}]");
    begins(SAID(.text = "opening hours"), "The shop in Camden");
    free(state_kept);
    state_kept = strdup("{\"lang\":\"xx\",\"question\":\"refund\",\"sources\":[1,\"en/no.md#a\"]}");
    begins(SAID(.text = "opening hours"), "The shop in Camden");
}

static void a_base_that_lacks_what_is_said_does_not_open(void **state)
{
    struct fake *other = fake_new("other");

    (void)state;
    assert_int_equal(fake_open(other, &td_plugin_0,
                               fake_conf(other, &td_plugin_0, "kb = /nonexistent")), TD_CONF);
    assert_non_null(strstr(fake_error(other), "/nonexistent cannot be read"));
    fake_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_question_is_answered_with_its_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_says_that_it_does_not_know_and_hands_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(two_topics_that_are_near_are_asked_about_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            the_same_choice_again_gets_the_article_and_the_way_to_a_human, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_question_asked_back_is_taken_up_after_a_restart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_was_asked_back_is_answered_in_words_by_number_or_not_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_question_left_it_answers_or_owns_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(small_talk_gets_a_friendly_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_language_answers_in_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_for_people_is_handed_over_with_its_reason, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(odd_turns_are_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_that_lacks_what_is_said_does_not_open, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
