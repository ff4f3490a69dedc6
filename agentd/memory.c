/* SPDX-License-Identifier: MIT */
/* Pages that only the start needed. */
#include "memory.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Relocations written into the text would be lost with its pages. */
static bool object_has_text_relocations(const struct dl_phdr_info *object)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		if (object->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
		for (; entry->d_tag != DT_NULL; entry++)
			if (entry->d_tag == DT_TEXTREL ||
			    (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
				return true;
	}
	return false;
}

static int object_release(struct dl_phdr_info *object, size_t size, void *context)
{
	const uintptr_t page_mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	(void)size;
	(void)context;
	if (object_has_text_relocations(object))
		return 0;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
			continue;
		/* Whole pages within the segment: a page shared with the next one may be written. */
		const uintptr_t begin = (object->dlpi_addr + segment->p_vaddr + page_mask) & ~page_mask;
		const uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_filesz) & ~page_mask;
		/* A failure (the vdso, say) costs the pages, nothing else. */
		if (end > begin)
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void memory_release_text(void)
{
	dl_iterate_phdr(object_release, NULL);
}
