/*
 * smshttp_provider.c - the providers that there are.
 *
 * Twilio: Messages resource of 2010-04-01. Vonage: the SMS API, and the Messages API as a row of its own; both
 * send webhooks with a `sig` or a JWT, under the names of either.
 *
 * ERROR_ADDRESS and status_dead are what their documents say of the number itself: there is none, it
 * takes no SMS, it is barred, or no route leads to it. What passes (off, out of coverage, busy), an
 * opt-out, and what our account may not do are none of these.
 *   twilio.com/docs/api/errors/NUMBER
 *   api.support.vonage.com/hc/en-us/articles/204014733 (err-code of a receipt)
 *   developer.vonage.com/en/api-errors/sms (status of an answer), .../api-errors/messages
 */
#include "config.h"

#include "channels/smshttp_provider.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct provider_word twilio_words[] = {
    { "delivered", TD_DELIVERED }, { "read", TD_READ }, { "undelivered", TD_FAILED },
    { "failed", TD_FAILED }, { "canceled", TD_FAILED }, { "sent", TD_SENT },
    { "accepted", TD_SENT }, { "scheduled", TD_SENT }, { "queued", TD_SENT },
    { "sending", TD_SENT }, { NULL, TD_SENT },
};

static const struct provider_code twilio_codes[] = {
    { "20429", ERROR_THROTTLED }, { "14107", ERROR_THROTTLED }, { "20003", ERROR_AUTH },
    { "20005", ERROR_AUTH }, { "21610", ERROR_OPTED_OUT }, { "21611", ERROR_THROTTLED },
    { "21211", ERROR_ADDRESS }, { "21612", ERROR_ADDRESS }, { "21614", ERROR_ADDRESS },
    { "21635", ERROR_ADDRESS }, { NULL, ERROR_REFUSED },
};

static const struct provider twilio = {
    .name = "twilio", .takes_get = 1, .proof = proof_twilio, .signs_url = 1,
    .in_id = NAMES("MessageSid", "SmsSid"), .in_peer = NAMES("From"), .in_account = NAMES("To"),
    .in_text = NAMES("Body"), .in_media = NAMES("MediaUrl%u"), .in_wish = NAMES("OptOutType"),
    .status_id = NAMES("MessageSid", "SmsSid"), .status_word = NAMES("MessageStatus", "SmsStatus"),
    .status_error = NAMES("ErrorCode"), .words = twilio_words,
    .status_dead = NAMES("21211", "21612", "21614", "21635", "30005", "30006"),
    .answer_type = "text/xml", .answer = "<Response/>",
    .api = "https://api.twilio.com", .path = "/2010-04-01/Accounts/{account}/Messages.json",
    .is_basic = 1,
    .body = { { "From", VALUE_SENDER, NULL }, { "To", VALUE_PEER, NULL },
              { "Body", VALUE_TEXT, NULL }, { "StatusCallback", VALUE_CALLBACK, NULL } },
    .reply_id = NAMES("sid"), .reply_error = NAMES("code", "error_code"),
    .reply_words = NAMES("message", "error_message"), .codes = twilio_codes,
};

static const struct provider_word vonage_words[] = {
    { "delivered", TD_DELIVERED }, { "read", TD_READ }, { "expired", TD_FAILED },
    { "failed", TD_FAILED }, { "rejected", TD_FAILED }, { "undeliverable", TD_FAILED },
    { "accepted", TD_SENT }, { "buffered", TD_SENT }, { "submitted", TD_SENT },
    { "unknown", TD_SENT }, { NULL, TD_SENT },
};

static const struct provider_code vonage_codes[] = {
    { "1", ERROR_THROTTLED }, { "5", ERROR_BUSY }, { "10", ERROR_THROTTLED },
    { "4", ERROR_AUTH }, { "8", ERROR_AUTH }, { "9", ERROR_AUTH }, { "14", ERROR_AUTH },
    { "6", ERROR_ADDRESS }, { "7", ERROR_ADDRESS }, { "33", ERROR_ADDRESS },
    { NULL, ERROR_REFUSED },
};

#define VONAGE_IN                                                                               \
    .takes_get = 1, .proof = proof_vonage, .own_secret = 1,                                     \
    .in_id = NAMES("messageId", "message_uuid", "message-id"), .in_peer = NAMES("msisdn", "from"), \
    .in_account = NAMES("to"), .in_text = NAMES("text"),                                        \
    .in_media = NAMES("image/url", "audio/url", "video/url", "file/url", "vcard/url"),          \
    .concat_ref = "concat-ref", .concat_total = "concat-total", .concat_part = "concat-part",   \
    .status_id = NAMES("messageId", "message_uuid", "message-id"),                              \
    .status_word = NAMES("status"), .status_error = NAMES("err-code", "error/title"),           \
    .status_dead = NAMES("3", "4", "11", "12", "14", "1040", "1050", "1170", "1190", "1250",    \
                         "1260", "1280"),                                                       \
    .words = vonage_words, .answer_type = "text/plain", .answer = "", .plain_numbers = 1

static const struct provider vonage = {
    .name = "vonage", VONAGE_IN,
    .api = "https://rest.nexmo.com", .path = "/sms/json", .is_json = 1,
    .body = { { "api_key", VALUE_ACCOUNT, NULL }, { "api_secret", VALUE_TOKEN, NULL },
              { "from", VALUE_SENDER, NULL }, { "to", VALUE_PEER, NULL },
              { "text", VALUE_TEXT, NULL }, { "type", VALUE_ALPHABET, NULL },
              { "client-ref", VALUE_ID, NULL }, { "callback", VALUE_CALLBACK, NULL } },
    .reply_id = NAMES("messages/%u/message-id"), .reply_error = NAMES("messages/0/status"),
    .reply_words = NAMES("messages/0/error-text"), .fine = "0", .codes = vonage_codes,
};

static const struct provider_code none[] = { { NULL, ERROR_REFUSED } };

static const struct provider vonage_messages = {
    .name = "vonage_messages", VONAGE_IN,
    .api = "https://api.nexmo.com", .path = "/v1/messages", .is_json = 1, .is_basic = 1,
    .body = { { "channel", VALUE_WORD, "sms" }, { "message_type", VALUE_WORD, "text" },
              { "from", VALUE_SENDER, NULL }, { "to", VALUE_PEER, NULL },
              { "text", VALUE_TEXT, NULL }, { "client_ref", VALUE_ID, NULL } },
    .reply_id = NAMES("message_uuid"), .reply_error = NAMES("type"), .reply_words = NAMES("detail"),
    .codes = none,
};

const struct provider *const providers[] = { &twilio, &vonage, &vonage_messages, NULL };
const char *const provider_names[] = { "twilio", "vonage", "vonage_messages", NULL };
