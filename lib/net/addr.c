#include "net/addr.h"

#include <arpa/inet.h>
#include <string.h>

static void
map4(const struct in_addr *four, struct in6_addr *out)
{
	memset(out, 0, sizeof(*out));
	memset(out->s6_addr + 10, 0xff, 2);
	memcpy(out->s6_addr + 12, four, 4);
}

bool
addr_parse(const char *text, struct in6_addr *out)
{
	char six[INET6_ADDRSTRLEN];
	struct in_addr four;
	size_t len = strlen(text);

	if (inet_pton(AF_INET, text, &four) == 1) {
		map4(&four, out);
		return true;
	}
	if (*text == '[' && len >= 2 && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(six))
		return false;
	memcpy(six, text, len);
	six[len] = '\0';
	return inet_pton(AF_INET6, six, out) == 1;
}

bool
addr_of(const struct sockaddr *sa, struct in6_addr *out)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in four;

		memcpy(&four, sa, sizeof(four));
		map4(&four.sin_addr, out);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 six;

		memcpy(&six, sa, sizeof(six));
		*out = six.sin6_addr;
		return true;
	}
	return false;
}

bool
addr_in_net(const struct in6_addr *a, const struct in6_addr *net,
    unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, net, whole) != 0)
		return false;
	return rest == 0 ||
	    ((a->s6_addr[whole] ^ net->s6_addr[whole]) >> (8 - rest)) == 0;
}

/* `a` is in one of the nets, written "address" and bits of IPv6. */
struct net {
	const char *first;
	unsigned bits;
};

static bool
in_any(const struct in6_addr *a, const struct net *nets, size_t count)
{
	struct in6_addr net;

	for (size_t i = 0; i < count; i++)
		if (addr_parse(nets[i].first, &net) &&
		    addr_in_net(a, &net, nets[i].bits))
			return true;
	return false;
}

bool
addr_is_loopback(const struct in6_addr *a)
{
	static const struct net nets[] = { { "127.0.0.0", 104 },
	    { "::1", 128 } };

	return in_any(a, nets, sizeof(nets) / sizeof(*nets));
}

bool
addr_is_private(const struct in6_addr *a)
{
	static const struct net nets[] = { { "127.0.0.0", 104 },
	    { "0.0.0.0", 104 }, { "10.0.0.0", 104 }, { "172.16.0.0", 108 },
	    { "192.168.0.0", 112 }, { "169.254.0.0", 112 },
	    { "100.64.0.0", 106 }, { "::", 128 }, { "::1", 128 },
	    { "fc00::", 7 }, { "fe80::", 10 }, { "fec0::", 10 } };
	struct in6_addr nat64, four;

	if (addr_parse("64:ff9b::", &nat64) && addr_in_net(a, &nat64, 96)) {
		map4((const void *)(a->s6_addr + 12), &four);
		a = &four;
	}
	return in_any(a, nets, sizeof(nets) / sizeof(*nets));
}
