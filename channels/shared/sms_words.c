/* sms_words.c - sets of words, and what is answered to them. */
#include "config.h"

#include "channels/shared/sms_words.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include <tandem/plugin.h>

#define MAX_WORD 64 /* bytes, folded */

static const struct set {
    const char *language;
    const char *words[SMS_N_WISHES]; /* with white space between */
    const char *replies[SMS_N_WISHES];
} sets[] = {
    { "en",
      { NULL, "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT", "START UNSTOP", "HELP INFO" },
      { NULL, "You will get no more messages from us. Send START to get them again.",
        "You will get our messages again. Send STOP to end them.",
        "{name}: write what you need and we answer here. Send STOP to get no more messages." } },
    { "da",
      { NULL, "STOP AFMELD FRAMELD", "START TILMELD", "HJ\u00c6LP HJAELP INFO" },
      { NULL, "Du f\u00e5r ikke flere beskeder fra os. Send START for at f\u00e5 dem igen.",
        "Du f\u00e5r vores beskeder igen. Send STOP for at afmelde dem.",
        "{name}: skriv hvad du har brug for, s\u00e5 svarer vi her. Send STOP for at afmelde." } },
    { "de",
      { NULL, "STOP STOPP ABMELDEN ENDE", "START", "HILFE INFO" },
      { NULL, "Sie erhalten keine Nachrichten mehr von uns. Mit START erhalten Sie sie wieder.",
        "Sie erhalten unsere Nachrichten wieder. Mit STOP beenden Sie sie.",
        "{name}: Schreiben Sie Ihr Anliegen, wir antworten hier. STOP beendet alle Nachrichten." } },
    { "es",
      { NULL, "STOP ALTO BAJA PARAR CANCELAR", "START ALTA", "AYUDA INFO" },
      { NULL, "No recibir\u00e1 m\u00e1s mensajes. Env\u00ede START para recibirlos de nuevo.",
        "Volver\u00e1 a recibir nuestros mensajes. Env\u00ede STOP para darse de baja.",
        "{name}: escriba lo que necesita y le respondemos por SMS. STOP para no recibir nada." } },
    { "fr",
      { NULL, "STOP ARRET ARR\u00caT DESABONNER", "START REPRENDRE", "AIDE INFO" },
      { NULL, "Vous ne recevrez plus nos messages. Envoyez START pour les recevoir de nouveau.",
        "Vous recevrez de nouveau nos messages. Envoyez STOP pour vous d\u00e9sabonner.",
        "{name} : \u00e9crivez votre demande, nous r\u00e9pondons ici. STOP pour ne plus rien "
        "recevoir." } },
};

struct word {
    struct word *next;
    enum sms_wish wish;
    const char *language;
    char prefix[8]; /* "+33"; "": all numbers */
    char text[MAX_WORD + 1];
};

struct sms_words {
    struct word *first, **end;
};

static const struct set *set_of(const char *language)
{
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (strcmp(sets[i].language, language) == 0)
            return &sets[i];
    }
    return NULL;
}

static int is_trim(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '.' || c == '!' || c == '"' ||
           c == '\'';
}

/* Trimmed, and in the form in which all cases are the same. 0: it is no word, or too long. */
static int fold(const char *text, size_t len, char out[MAX_WORD + 1])
{
    uint8_t *folded;
    size_t n = 0;

    while (len > 0 && is_trim(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && is_trim(text[len - 1]))
        len--;
    if (len == 0 || len > MAX_WORD)
        return 0;
    folded = u8_casefold((const uint8_t *)text, len, NULL, UNINORM_NFKC, NULL, &n);
    if (folded != NULL && n > 0 && n <= MAX_WORD)
        memcpy(out, folded, n);
    else
        n = 0;
    out[n] = '\0';
    free(folded);
    return n > 0;
}

/* 0; -1: out of memory, or no word. */
static int add(struct sms_words *words, enum sms_wish wish, const char *language, const char *text,
               size_t len)
{
    struct word *word = calloc(1, sizeof *word);
    size_t prefix = 0;

    if (word == NULL)
        return -1;
    if (len > 0 && text[0] == '+') {
        while (prefix < len && text[prefix] != ' ')
            prefix++;
        snprintf(word->prefix, sizeof word->prefix, "%.*s", (int)prefix, text);
    }
    word->wish = wish;
    word->language = language;
    if (!fold(text + prefix, len - prefix, word->text)) {
        free(word);
        return -1;
    }
    *words->end = word;
    words->end = &word->next;
    return 0;
}

static int add_set(struct sms_words *words, const struct set *set)
{
    for (int wish = SMS_STOP; wish < SMS_N_WISHES; wish++) {
        for (const char *at = set->words[wish]; *at != '\0';) {
            const size_t len = strcspn(at, " ");

            if (add(words, (enum sms_wish)wish, set->language, at, len) != 0)
                return -1;
            at += len + strspn(at + len, " ");
        }
    }
    return 0;
}

struct sms_words *sms_words_new(const char *const *languages,
                                const char *const *const own[SMS_N_WISHES], struct td_error *err)
{
    struct sms_words *words = calloc(1, sizeof *words);
    int rc = words == NULL ? -1 : 0;

    if (words != NULL)
        words->end = &words->first;
    snprintf(err->text, sizeof err->text, "out of memory");
    for (int wish = SMS_STOP; wish < SMS_N_WISHES; wish++) {
        for (size_t i = 0; rc == 0 && own[wish] != NULL && own[wish][i] != NULL; i++) {
            rc = add(words, (enum sms_wish)wish, "en", own[wish][i], strlen(own[wish][i]));
            if (rc != 0)
                snprintf(err->text, sizeof err->text, "\"%.80s\" is not a word of up to %d bytes",
                         own[wish][i], MAX_WORD);
        }
    }
    for (size_t i = 0; rc == 0 && languages[i] != NULL; i++) {
        const struct set *set = set_of(languages[i]);

        rc = set != NULL ? add_set(words, set) : -1;
        if (set == NULL)
            snprintf(err->text, sizeof err->text,
                     "consent_languages: there is no set of words for \"%.20s\"; there are en, da, "
                     "de, es, fr", languages[i]);
    }
    if (rc != 0)
        sms_words_free(&words);
    return words;
}

void sms_words_free(struct sms_words **words)
{
    while (*words != NULL && (*words)->first != NULL) {
        struct word *word = (*words)->first;

        (*words)->first = word->next;
        free(word);
    }
    free(*words);
    *words = NULL;
}

enum sms_wish sms_words_find(const struct sms_words *words, const char *peer, const char *text,
                             const char **language_r)
{
    char folded[MAX_WORD + 1];

    *language_r = "en";
    if (!fold(text, strlen(text), folded))
        return SMS_NO_WISH;
    for (const struct word *word = words->first; word != NULL; word = word->next) {
        if (strcmp(word->text, folded) == 0 &&
            strncmp(peer, word->prefix, strlen(word->prefix)) == 0) {
            *language_r = word->language;
            return word->wish;
        }
    }
    return SMS_NO_WISH;
}

const char *sms_words_reply(enum sms_wish wish, const char *language)
{
    const struct set *set = set_of(language);

    return set != NULL ? set->replies[wish] : NULL;
}
