#include "build/built.h"

#include "base/mem.h"
#include "base/text.h"

char *
built_name(const struct order *o)
{
	return o->refs.n > 0 ? mem_str(o->refs.items[0]) :
	    dest_location(&o->dest);
}

static void
write_layers(const struct native_result *r, struct json_out *out)
{
	json_out_key(out, "layers");
	json_out_open(out, '[');
	for (size_t i = 0; i < r->nlayers; i++) {
		json_out_open(out, '{');
		json_out_kstr(out, "digest", r->layers[i].desc.digest);
		json_out_kstr(out, "diff_id", r->layers[i].diff_id);
		json_out_kint(out, "size", r->layers[i].desc.size);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
}

/* What stays in an engine has a config, and no manifest of ours. */
static void
write_manifest(const struct native_result *r, struct json_out *out)
{
	json_out_kstr(out, "digest", r->manifest.digest);
	json_out_kstr(out, "media_type", r->manifest.media_type);
	json_out_kint(out, "size", r->manifest.size);
}

void
built_record(const struct order *o, enum engine_kind engine,
    const struct native_result *r, enum zout_method method,
    struct json_out *out)
{
	autofree char *ref = built_name(o);
	autofree char *location = dest_location(&o->dest);

	json_out_open(out, '{');
	if (ref != NULL)
		json_out_kstr(out, "ref", ref);
	json_out_kstr(out, "platform", o->platform_name);
	json_out_kstr(out, "engine", engine_name(engine));
	if (r->layers != NULL)
		write_manifest(r, out);
	json_out_kstr(out, "config_digest", r->config_digest);
	if (r->layers != NULL)
		write_layers(r, out);
	if (engine == ENGINE_NATIVE)
		json_out_kstr(out, "compressor", zout_compressor(method));
	if (o->dest.push.to.n > 0) {
		json_out_key(out, "tags");
		deliver_write_tags(&o->dest.push.to, out);
	}
	if (location != NULL)
		json_out_kstr(out, "location", location);
	json_out_close(out, '}');
}

void
built_text(const struct order *o, const struct native_result *r,
    struct buf *out)
{
	autofree char *ref = built_name(o);
	autofree char *location = dest_location(&o->dest);
	char size[32];
	int64_t bytes = 0;

	for (size_t i = 0; i < r->nlayers; i++)
		bytes += r->layers[i].desc.size;
	buf_addf(out, "BUILT   %s\n        %s",
	    ref != NULL ? ref : "(no name)", o->platform_name);
	if (r->layers != NULL)
		buf_addf(out, ": %zu layer%s, %s\n        %s\n", r->nlayers,
		    r->nlayers == 1 ? "" : "s",
		    text_size((uint64_t)bytes, size), r->manifest.digest);
	else
		buf_addf(out, "\n        config %s\n", r->config_digest);
	if (location != NULL)
		buf_addf(out, "        %s\n", location);
	if (o->dest.kind != DEST_NONE && o->dest.kind != DEST_DAEMON)
		for (size_t i = 0; i < o->dest.loads.n; i++)
			buf_addf(out, "        docker-daemon:%s\n",
			    o->dest.loads.items[i]);
}
