/*
 * smscsim.c - an SMSC for measuring: customers who write and wait, over one transceiver bind.
 *
 *   smscsim PORT talk CUSTOMERS SECONDS      each writes again when they have the answer
 *   smscsim PORT inbound CUSTOMERS WINDOW    each writes once, WINDOW deliver_sm under way
 *
 * Waits for the bind, warms up (talk), and prints on one line: messages a second, and in us the p50 and
 * p99 until deliver_sm_resp, then the p50 and p99 until the answer came as submit_sm.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CUSTOMERS 100000
#define MAX_SAMPLES 4000000
#define WARM_US 1000000
#define GIVE_UP_US 60000000

enum { SUBMIT = 4, DELIVER = 5, UNBIND = 6, TRANSCEIVER = 9, ENQUIRE = 0x15 };
#define RESP 0x80000000u

static struct customer {
    int64_t sent_us;
    int waits_ack, waits_answer;
} customers[MAX_CUSTOMERS];

static struct samples {
    uint32_t *us;
    size_t n;
} acks, answers;

static int fd, n_customers, is_talk, window, under_way, next_customer;
static uint32_t refused;
static uint8_t out[1 << 22], in[1 << 20];
static size_t out_len, in_len;
static int64_t begin_us, end_us, bound_us;

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put(uint32_t command, uint32_t sequence, const void *body, size_t len)
{
    uint8_t *p = out + out_len;

    if (out_len + 16 + len > sizeof out) {
        fprintf(stderr, "smscsim: the other side does not read\n");
        exit(1);
    }
    put32(p, (uint32_t)(16 + len));
    put32(p + 4, command);
    put32(p + 8, 0);
    put32(p + 12, sequence);
    memcpy(p + 16, body, len);
    out_len += 16 + len;
}

static void take(struct samples *samples, int64_t since_us, int64_t now)
{
    if (since_us >= begin_us && samples->n < MAX_SAMPLES)
        samples->us[samples->n++] = (uint32_t)(now - since_us);
}

/* The sequence is the customer's number + 1. */
static void write_message(int i, int64_t now)
{
    static unsigned n;
    uint8_t body[128] = { 0 };
    char *p = (char *)body;
    int text;

    p += 1; /* service_type */
    *p++ = 1;
    *p++ = 1;
    p += sprintf(p, "45%08d", i) + 1;
    *p++ = 3;
    *p++ = 0;
    p += sprintf(p, "12345") + 1;
    p += 9; /* esm_class to sm_default_msg_id, all 0; two empty times among them */
    text = sprintf(p + 1, "when does it come, %u?", n++);
    *p = (char)text;
    p += 1 + text;
    customers[i] = (struct customer){ .sent_us = now, .waits_ack = 1, .waits_answer = 1 };
    under_way++;
    put(DELIVER, (uint32_t)i + 1, body, (size_t)(p - (char *)body));
}

static void fill(int64_t now)
{
    while (!is_talk && under_way < window && next_customer < n_customers)
        write_message(next_customer++, now);
}

static void go_on(int i, int64_t now)
{
    if (is_talk && !customers[i].waits_ack && !customers[i].waits_answer)
        write_message(i, now);
}

static int customer_of(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *p = memchr(at, 0, (size_t)(end - at)); /* service_type */
    int i;

    p = p != NULL && end - p > 3 ? memchr(p + 3, 0, (size_t)(end - p - 3)) : NULL; /* source_addr */
    if (p == NULL || end - p < 4 || memchr(p + 3, 0, (size_t)(end - p - 3)) == NULL)
        return -1;
    p += 3;
    if (strlen((const char *)p) < 8)
        return -1;
    i = atoi((const char *)p + strlen((const char *)p) - 8);
    return i >= 0 && i < n_customers ? i : -1;
}

static void on_submit(const uint8_t *pdu, size_t len, int64_t now)
{
    static unsigned n;
    char id[16];
    const int i = customer_of(pdu + 16, pdu + len);

    put(SUBMIT | RESP, get32(pdu + 12), id, (size_t)sprintf(id, "%u", ++n) + 1);
    if (i < 0 || !customers[i].waits_answer)
        return;
    customers[i].waits_answer = 0;
    take(&answers, customers[i].sent_us, now);
    go_on(i, now);
}

static void on_ack(const uint8_t *pdu, int64_t now)
{
    const int i = (int)get32(pdu + 12) - 1;

    if (i < 0 || i >= n_customers || !customers[i].waits_ack)
        return;
    under_way--;
    if (get32(pdu + 8) != 0) { /* not now: it is said again, and its time goes on */
        const int64_t since = customers[i].sent_us;

        refused++;
        write_message(i, now);
        customers[i].sent_us = since;
        return;
    }
    customers[i].waits_ack = 0;
    take(&acks, customers[i].sent_us, now);
    fill(now);
    go_on(i, now);
}

static void on_pdu(const uint8_t *pdu, size_t len, int64_t now)
{
    const uint32_t command = get32(pdu + 4);

    if (command == TRANSCEIVER) {
        put(TRANSCEIVER | RESP, get32(pdu + 12), "sim", 4);
        bound_us = now + 500000; /* the other side gets its boxes together */
    } else if (command == SUBMIT) {
        on_submit(pdu, len, now);
    } else if (command == (DELIVER | RESP)) {
        on_ack(pdu, now);
    } else if (command == ENQUIRE || command == UNBIND) {
        put(command | RESP, get32(pdu + 12), "", 0);
    }
}

static void on_bytes(void)
{
    size_t at = 0;
    const int64_t now = now_us();

    while (in_len - at >= 16 && in_len - at >= get32(in + at)) {
        if (get32(in + at) < 16 || get32(in + at) > 65536) {
            fprintf(stderr, "smscsim: no PDU\n");
            exit(1);
        }
        on_pdu(in + at, get32(in + at), now);
        at += get32(in + at);
    }
    memmove(in, in + at, in_len - at);
    in_len -= at;
}

static void begin(int64_t seconds)
{
    const int64_t now = now_us();

    bound_us = 0;
    begin_us = is_talk ? now + WARM_US : now;
    end_us = is_talk ? begin_us + seconds * 1000000 : now + GIVE_UP_US;
    for (int i = 0; is_talk && i < n_customers; i++)
        write_message(i, now);
    fill(now);
}

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t rank(struct samples *s, unsigned per_mille)
{
    return s->n > 0 ? s->us[s->n * per_mille / 1000 < s->n ? s->n * per_mille / 1000 : s->n - 1] : 0;
}

static void print(int64_t took_us)
{
    const struct samples *counted = is_talk ? &answers : &acks;

    qsort(acks.us, acks.n, sizeof *acks.us, compare);
    qsort(answers.us, answers.n, sizeof *answers.us, compare);
    printf("%.0f %u %u %u %u\n", (double)counted->n * 1e6 / (double)took_us, rank(&acks, 500),
           rank(&acks, 990), rank(&answers, 500), rank(&answers, 990));
    if (refused > 0)
        fprintf(stderr, "smscsim: %u deliver_sm were refused and said again\n", refused);
}

static int is_over(int64_t now)
{
    return begin_us != 0 && (now >= end_us || (!is_talk && acks.n == (size_t)n_customers));
}

static void run(int64_t seconds)
{
    ssize_t n;

    while (!is_over(now_us())) {
        struct pollfd p = { .fd = fd, .events = (short)(POLLIN | (out_len > 0 ? POLLOUT : 0)) };

        poll(&p, 1, 20);
        if ((p.revents & (POLLIN | POLLHUP)) != 0) {
            n = read(fd, in + in_len, sizeof in - in_len);
            if (n == 0 || (n < 0 && errno != EAGAIN)) {
                fprintf(stderr, "smscsim: the connection ended\n");
                exit(1);
            }
            in_len += n > 0 ? (size_t)n : 0;
            on_bytes();
        }
        if (bound_us != 0 && now_us() >= bound_us)
            begin(seconds);
        if (out_len > 0 && (n = write(fd, out, out_len)) > 0) {
            memmove(out, out + n, out_len - (size_t)n);
            out_len -= (size_t)n;
        }
    }
}

static int listen_and_accept(int port)
{
    const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    int peer;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (const struct sockaddr *)&any, sizeof any) != 0 || listen(listener, 8) != 0) {
        perror("smscsim: listen");
        exit(1);
    }
    alarm(120); /* nobody came, or it hangs */
    peer = accept(listener, NULL, NULL);
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(peer, F_SETFL, O_NONBLOCK);
    return peer;
}

int main(int argc, char **argv)
{
    if (argc != 5 || atoi(argv[3]) < 1 || atoi(argv[3]) > MAX_CUSTOMERS) {
        fprintf(stderr, "usage: smscsim PORT talk CUSTOMERS SECONDS | inbound CUSTOMERS WINDOW\n");
        return 2;
    }
    is_talk = strcmp(argv[2], "talk") == 0;
    n_customers = atoi(argv[3]);
    window = atoi(argv[4]);
    acks.us = calloc(MAX_SAMPLES, sizeof *acks.us);
    answers.us = calloc(MAX_SAMPLES, sizeof *answers.us);
    fd = listen_and_accept(atoi(argv[1]));
    run(atoi(argv[4]));
    print(is_talk ? end_us - begin_us : now_us() - begin_us);
    return 0;
}
