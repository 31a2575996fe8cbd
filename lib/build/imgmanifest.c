#include "build/imgmanifest.h"

#include <string.h>

#include "base/mem.h"

static void
write_annotations(const struct list *annotations, struct json_out *out)
{
	AUTO(list_release) struct list notes = LIST_INIT;

	for (size_t i = 0; i < annotations->n; i++) {
		const char *note = annotations->items[i];
		autofree char *key = mem_dup(note, strcspn(note, "="));

		list_set(&notes, key, note + strlen(key) + 1);
	}
	if (notes.n == 0)
		return;
	list_sort(&notes);
	json_out_key(out, "annotations");
	json_out_open(out, '{');
	for (size_t i = 0; i < notes.n; i++) {
		char *value = notes.items[i] + strcspn(notes.items[i], "=");

		*value = '\0';
		json_out_kstr(out, notes.items[i], value + 1);
	}
	json_out_close(out, '}');
}

void
imgmanifest_write(enum family family, const struct desc *config,
    const struct image_layer *layers, size_t nlayers,
    const struct list *annotations, struct json_out *out)
{
	json_out_open(out, '{');
	json_out_kint(out, "schemaVersion", 2);
	json_out_kstr(out, "mediaType", family_manifest(family));
	json_out_key(out, "config");
	desc_write(out, config);
	json_out_key(out, "layers");
	json_out_open(out, '[');
	for (size_t i = 0; i < nlayers; i++)
		desc_write(out, &layers[i].desc);
	json_out_close(out, ']');
	write_annotations(annotations, out);
	json_out_close(out, '}');
}
