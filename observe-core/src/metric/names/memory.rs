//! Memory, swap and paging. Rows that start with `vm` bear the kernel's own names, of `/proc/vmstat`.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

rows! {
    TOTAL = bytes("memory.total", "Physical memory.").otel("system.memory.limit", Unit::Bytes, 1.0);
    FREE = bytes("memory.free", "Memory that nobody uses.")
        .otel_with("system.memory.usage", Unit::Bytes, 1.0, &[(STATE, "free")]);
    AVAILABLE = bytes("memory.available", "Memory that programs can have without swapping.")
        .otel("system.memory.linux.available", Unit::Bytes, 1.0);
    BUFFERS = bytes("memory.buffers", "Memory for blocks of devices.")
        .otel_with("system.memory.usage", Unit::Bytes, 1.0, &[(STATE, "buffers")]);
    CACHED = bytes("memory.cached", "Memory for content of files, shared memory included.")
        .otel_with("system.memory.usage", Unit::Bytes, 1.0, &[(STATE, "cached")]);
    SWAP_CACHED = bytes("memory.swap_cached", "Memory that is in swap as well.");
    ACTIVE = bytes("memory.active", "Memory used lately.");
    INACTIVE = bytes("memory.inactive", "Memory not used lately.");
    ACTIVE_ANON = bytes("memory.active_anon", "Memory of programs used lately.");
    INACTIVE_ANON = bytes("memory.inactive_anon", "Memory of programs not used lately.");
    ACTIVE_FILE = bytes("memory.active_file", "Content of files used lately.");
    INACTIVE_FILE = bytes("memory.inactive_file", "Content of files not used lately.");
    UNEVICTABLE = bytes("memory.unevictable", "Memory that cannot be reclaimed.");
    MLOCKED = bytes("memory.locked", "Memory that programs locked.");
    ZSWAP = bytes("memory.zswap", "Memory for compressed swap.");
    ZSWAPPED = bytes("memory.zswapped", "Size of what compressed swap holds.");
    DIRTY = bytes("memory.dirty", "Memory that waits to be written to a device.");
    WRITEBACK = bytes("memory.writeback", "Memory on its way to a device.");
    WRITEBACK_TMP = bytes("memory.writeback_tmp", "Memory on its way to a filesystem in user space.");
    ANON = bytes("memory.anon", "Memory of programs.");
    MAPPED = bytes("memory.mapped", "Content of files mapped into programs.");
    SHMEM = bytes("memory.shmem", "Shared memory and filesystems in memory.");
    KERNEL_RECLAIMABLE = bytes("memory.kernel_reclaimable", "Memory of the kernel that it would give back.");
    SLAB = bytes("memory.slab", "Objects of the kernel.");
    SLAB_RECLAIMABLE = bytes("memory.slab_reclaimable", "Objects of the kernel that it would give back.")
        .otel_with("system.memory.linux.slab.usage", Unit::Bytes, 1.0, &[(SLAB_STATE, "reclaimable")]);
    SLAB_UNRECLAIMABLE = bytes("memory.slab_unreclaimable", "Objects of the kernel that it needs.")
        .otel_with("system.memory.linux.slab.usage", Unit::Bytes, 1.0, &[(SLAB_STATE, "unreclaimable")]);
    KERNEL_STACK = bytes("memory.kernel_stack", "Stacks of threads in the kernel.");
    PAGE_TABLES = bytes("memory.page_tables", "Page tables.");
    SECONDARY_PAGE_TABLES = bytes("memory.secondary_page_tables", "Page tables of virtual machines and devices.");
    PER_CPU = bytes("memory.per_cpu", "Memory that the kernel keeps for each core.");
    COMMIT_LIMIT = bytes("memory.commit_limit", "Memory that may be promised to programs.");
    COMMITTED = bytes("memory.committed", "Memory that was promised to programs.");
    VMALLOC_TOTAL = bytes("memory.vmalloc_total", "Address space for large objects of the kernel.");
    VMALLOC_USED = bytes("memory.vmalloc_used", "Large objects of the kernel.");
    HARDWARE_CORRUPTED = bytes("memory.hardware_corrupted", "Memory taken out of use because it is broken.");
    ANON_HUGE_PAGES = bytes("memory.anon_huge_pages", "Huge pages of programs.");
    SHMEM_HUGE_PAGES = bytes("memory.shmem_huge_pages", "Huge pages of shared memory.");
    SHMEM_HUGE_MAPPED = bytes("memory.shmem_huge_mapped", "Huge pages of shared memory mapped into programs.");
    FILE_HUGE_PAGES = bytes("memory.file_huge_pages", "Huge pages of files.");
    FILE_HUGE_MAPPED = bytes("memory.file_huge_mapped", "Huge pages of files mapped into programs.");
    CMA_TOTAL = bytes("memory.cma_total", "Memory set aside for devices.");
    CMA_FREE = bytes("memory.cma_free", "Memory set aside for devices and free.");
    UNACCEPTED = bytes("memory.unaccepted", "Memory that the virtual machine did not take yet.");
    BALLOON = bytes("memory.balloon", "Memory that was given back to the hypervisor.");
    HUGE_PAGE_SIZE = bytes("memory.huge_page_size", "Size of a huge page.");
    HUGE_PAGES_BYTES = bytes("memory.huge_pages_bytes", "Memory in the pools of huge pages.");
    DIRECT_MAP_4K = bytes("memory.direct_map_4k", "Memory that the kernel maps with 4 KiB pages.");
    DIRECT_MAP_2M = bytes("memory.direct_map_2m", "Memory that the kernel maps with 2 MiB pages.");
    DIRECT_MAP_4M = bytes("memory.direct_map_4m", "Memory that the kernel maps with 4 MiB pages.");
    DIRECT_MAP_1G = bytes("memory.direct_map_1g", "Memory that the kernel maps with 1 GiB pages.");
    SWAP_TOTAL = bytes("swap.total", "Size of swap.");
    SWAP_FREE = bytes("swap.free", "Swap that is free.")
        .otel_with("system.paging.usage", Unit::Bytes, 1.0, &[(PAGING_STATE, "free")]);
    HUGE_PAGES_TOTAL = Metric::gauge("memory.huge_pages_total", Unit::Count, "Huge pages in the default pool.");
    HUGE_PAGES_FREE = Metric::gauge("memory.huge_pages_free", Unit::Count,
        "Huge pages in the default pool that are free.");
    HUGE_PAGES_RESERVED = Metric::gauge("memory.huge_pages_reserved", Unit::Count,
        "Huge pages that are promised but not used yet.");
    HUGE_PAGES_SURPLUS = Metric::gauge("memory.huge_pages_surplus", Unit::Count,
        "Huge pages above the size of the pool.");

    USED = Metric::derived("memory.used", Unit::Bytes, Formula::Sum { of: IN_USE }, "Memory that is not available.")
        .otel_with("system.memory.usage", Unit::Bytes, 1.0, &[(STATE, "used")]);
    PERCENT = percent("memory.percent", IN_USE, &[Term::plus("memory.total")],
        "Share of the memory that is not available.")
        .otel_with("system.memory.utilization", Unit::Ratio, 0.01, &[(STATE, "used")]);
    COMMIT_PERCENT = percent("memory.commit_percent", &[Term::plus("memory.committed")],
        &[Term::plus("memory.commit_limit")], "Share of the memory that may be promised to programs and is.");
    SWAP_USED = Metric::derived("swap.used", Unit::Bytes, Formula::Sum { of: SWAP_IN_USE }, "Swap that is in use.")
        .otel_with("system.paging.usage", Unit::Bytes, 1.0, &[(PAGING_STATE, "used")]);
    SWAP_PERCENT = percent("swap.percent", SWAP_IN_USE, &[Term::plus("swap.total")],
        "Share of the swap that is in use.")
        .otel_with("system.paging.utilization", Unit::Ratio, 0.01, &[(PAGING_STATE, "used")]);
    PAGE_FAULTS_PER_SEC = rate("vm.pgfault_per_sec", &[Term::plus("vm.pgfault")], "Page faults in a second.");
    MAJOR_FAULTS_PER_SEC = rate("vm.pgmajfault_per_sec", &[Term::plus("vm.pgmajfault")],
        "Page faults in a second that waited for a device.");
    READ_PER_SEC = Metric::derived("vm.pgpgin_per_sec", Unit::BytesPerSecond,
        Formula::Rate { of: &[Term::plus("vm.pgpgin")], scale: 1.0 }, "Bytes read from block devices in a second.");
    WRITTEN_PER_SEC = Metric::derived("vm.pgpgout_per_sec", Unit::BytesPerSecond,
        Formula::Rate { of: &[Term::plus("vm.pgpgout")], scale: 1.0 }, "Bytes written to block devices in a second.");
    SWAP_IN_PER_SEC = rate("vm.pswpin_per_sec", &[Term::plus("vm.pswpin")], "Pages read from swap in a second.");
    SWAP_OUT_PER_SEC = rate("vm.pswpout_per_sec", &[Term::plus("vm.pswpout")], "Pages written to swap in a second.");
    OOM_KILLS_PER_SEC = rate("vm.oom_kill_per_sec", &[Term::plus("vm.oom_kill")],
        "Processes killed in a second because memory ran out.");
    SCANNED_PER_SEC = rate("vm.pgscan_per_sec", &[Term::plus("vm.pgscan_kswapd"), Term::plus("vm.pgscan_direct")],
        "Pages looked at in a second to be reclaimed.");
    RECLAIMED_PER_SEC = rate("vm.pgsteal_per_sec", &[Term::plus("vm.pgsteal_kswapd"), Term::plus("vm.pgsteal_direct")],
        "Pages reclaimed in a second.");
    REFAULTS_PER_SEC = rate("vm.workingset_refault_per_sec",
        &[Term::plus("vm.workingset_refault_anon"), Term::plus("vm.workingset_refault_file")],
        "Pages needed again soon after eviction, in a second.");

    VM_NR_ISOLATED_ANON = bytes("vm.nr_isolated_anon", "Memory of programs that is being reclaimed.");
    VM_NR_ISOLATED_FILE = bytes("vm.nr_isolated_file", "Content of files that is being reclaimed.");
    VM_NR_ZSPAGES = bytes("vm.nr_zspages", "Memory of compressed objects.");
    VM_NR_FREE_PAGES_BLOCKS = bytes("vm.nr_free_pages_blocks", "Free memory in blocks of the largest kind.");
    VM_NR_DIRTY_THRESHOLD = bytes("vm.nr_dirty_threshold", "Dirty memory at which writers have to wait.");
    VM_NR_DIRTY_BACKGROUND_THRESHOLD = bytes("vm.nr_dirty_background_threshold",
        "Dirty memory at which writing begins.");
    VM_NR_IOMMU_PAGES = bytes("vm.nr_iommu_pages", "Page tables of devices.");
    VM_NR_KERNEL_MISC_RECLAIMABLE = bytes("vm.nr_kernel_misc_reclaimable",
        "Other memory that the kernel would give back.");
    VM_NR_MEMMAP_PAGES = bytes("vm.nr_memmap_pages", "Descriptors of memory made after the start.");
    VM_NR_MEMMAP_BOOT_PAGES = bytes("vm.nr_memmap_boot_pages", "Descriptors of memory made at the start.");
    VM_WORKINGSET_NODES = Metric::gauge("vm.workingset_nodes", Unit::Count,
        "Nodes that remember content of files that was evicted.");
    VM_PGPGIN = Metric::counter("vm.pgpgin", Unit::Bytes, "Bytes read from block devices.");
    VM_PGPGOUT = Metric::counter("vm.pgpgout", Unit::Bytes, "Bytes written to block devices.");
    VM_PGFAULT = count("vm.pgfault", "Page faults.");
    VM_PGMAJFAULT = count("vm.pgmajfault", "Page faults that waited for a device.")
        .otel_with("system.paging.faults", Unit::Count, 1.0, &[(FAULT, "major")]);
    VM_PSWPIN = count("vm.pswpin", "Pages read from swap.")
        .otel_with("system.paging.operations", Unit::Count, 1.0, &[(PAGING, "in")]);
    VM_PSWPOUT = count("vm.pswpout", "Pages written to swap.")
        .otel_with("system.paging.operations", Unit::Count, 1.0, &[(PAGING, "out")]);
    VM_OOM_KILL = count("vm.oom_kill", "Processes killed because memory ran out.");
    VM_NR_DIRTIED = count("vm.nr_dirtied", "Pages that became dirty.");
    VM_NR_WRITTEN = count("vm.nr_written", "Pages that were written.");
    VM_NR_VMSCAN_WRITE = count("vm.nr_vmscan_write", "Pages written while reclaiming.");
    VM_NR_VMSCAN_IMMEDIATE_RECLAIM = count("vm.nr_vmscan_immediate_reclaim", "Pages to be reclaimed once written.");
    VM_NR_THROTTLED_WRITTEN = count("vm.nr_throttled_written", "Pages written while reclaim had to wait.");
    VM_NR_FOLL_PIN_ACQUIRED = count("vm.nr_foll_pin_acquired", "Pages pinned for devices.");
    VM_NR_FOLL_PIN_RELEASED = count("vm.nr_foll_pin_released", "Pages no longer pinned for devices.");
    VM_NUMA_HIT = count("vm.numa_hit", "Pages allocated on the intended node.");
    VM_NUMA_MISS = count("vm.numa_miss", "Pages allocated here though another node was intended.");
    VM_NUMA_FOREIGN = count("vm.numa_foreign", "Pages allocated elsewhere though this node was intended.");
    VM_NUMA_INTERLEAVE = count("vm.numa_interleave", "Pages allocated in turns as intended.");
    VM_NUMA_LOCAL = count("vm.numa_local", "Pages allocated on the node of the program.");
    VM_NUMA_OTHER = count("vm.numa_other", "Pages allocated on a node other than that of the program.");
    VM_NUMA_PTE_UPDATES = count("vm.numa_pte_updates", "Page table entries marked to learn which node uses them.");
    VM_NUMA_HUGE_PTE_UPDATES = count("vm.numa_huge_pte_updates",
        "Huge page table entries marked to learn which node uses them.");
    VM_NUMA_HINT_FAULTS = count("vm.numa_hint_faults", "Page faults to learn which node uses a page.");
    VM_NUMA_HINT_FAULTS_LOCAL = count("vm.numa_hint_faults_local",
        "Page faults to learn which node uses a page, on the right node.");
    VM_NUMA_PAGES_MIGRATED = count("vm.numa_pages_migrated", "Pages moved to another node.");
    VM_WORKINGSET_REFAULT_ANON = count("vm.workingset_refault_anon",
        "Pages of programs that were needed again soon after eviction.");
    VM_WORKINGSET_REFAULT_FILE = count("vm.workingset_refault_file",
        "Pages of files that were needed again soon after eviction.");
    VM_WORKINGSET_ACTIVATE_ANON = count("vm.workingset_activate_anon", "Pages of programs put back into active use.");
    VM_WORKINGSET_ACTIVATE_FILE = count("vm.workingset_activate_file", "Pages of files put back into active use.");
    VM_WORKINGSET_RESTORE_ANON = count("vm.workingset_restore_anon",
        "Pages of programs that had been active before eviction.");
    VM_WORKINGSET_RESTORE_FILE = count("vm.workingset_restore_file",
        "Pages of files that had been active before eviction.");
    VM_WORKINGSET_NODERECLAIM = count("vm.workingset_nodereclaim", "Nodes of evicted content that were reclaimed.");
    VM_PGPROMOTE_SUCCESS = count("vm.pgpromote_success", "Pages moved to faster memory.");
    VM_PGPROMOTE_CANDIDATE = count("vm.pgpromote_candidate", "Pages that could move to faster memory.");
    VM_PGDEMOTE_KSWAPD = count("vm.pgdemote_kswapd", "Pages moved to slower memory in the background.");
    VM_PGDEMOTE_DIRECT = count("vm.pgdemote_direct", "Pages moved to slower memory while a program waited.");
    VM_PGDEMOTE_PROACTIVE = count("vm.pgdemote_proactive", "Pages moved to slower memory on request.");
    VM_PGALLOC_DMA = count("vm.pgalloc_dma", "Pages allocated in the zone of old devices.");
    VM_PGALLOC_DMA32 = count("vm.pgalloc_dma32", "Pages allocated in the zone of 32-bit devices.");
    VM_PGALLOC_NORMAL = count("vm.pgalloc_normal", "Pages allocated in the normal zone.");
    VM_PGALLOC_MOVABLE = count("vm.pgalloc_movable", "Pages allocated in the movable zone.");
    VM_PGFREE = count("vm.pgfree", "Pages freed.");
    VM_ALLOCSTALL_DMA = count("vm.allocstall_dma", "Allocations in the zone of old devices that had to reclaim.");
    VM_ALLOCSTALL_DMA32 = count("vm.allocstall_dma32",
        "Allocations in the zone of 32-bit devices that had to reclaim.");
    VM_ALLOCSTALL_NORMAL = count("vm.allocstall_normal", "Allocations in the normal zone that had to reclaim.");
    VM_ALLOCSTALL_MOVABLE = count("vm.allocstall_movable", "Allocations in the movable zone that had to reclaim.");
    VM_PGSKIP_NORMAL = count("vm.pgskip_normal", "Pages of the normal zone skipped while reclaiming.");
    VM_PGSKIP_MOVABLE = count("vm.pgskip_movable", "Pages of the movable zone skipped while reclaiming.");
    VM_PGACTIVATE = count("vm.pgactivate", "Pages moved to the active list.");
    VM_PGDEACTIVATE = count("vm.pgdeactivate", "Pages moved to the inactive list.");
    VM_PGLAZYFREE = count("vm.pglazyfree", "Pages that programs no longer need.");
    VM_PGLAZYFREED = count("vm.pglazyfreed", "Pages freed that programs no longer needed.");
    VM_PGREFILL = count("vm.pgrefill", "Pages of the active list that were looked at.");
    VM_PGREUSE = count("vm.pgreuse", "Pages written again without a copy.");
    VM_PGSTEAL_KSWAPD = count("vm.pgsteal_kswapd", "Pages reclaimed in the background.");
    VM_PGSTEAL_DIRECT = count("vm.pgsteal_direct", "Pages reclaimed while a program waited.");
    VM_PGSTEAL_KHUGEPAGED = count("vm.pgsteal_khugepaged", "Pages reclaimed to make huge pages.");
    VM_PGSTEAL_PROACTIVE = count("vm.pgsteal_proactive", "Pages reclaimed on request.");
    VM_PGSTEAL_ANON = count("vm.pgsteal_anon", "Pages of programs reclaimed.");
    VM_PGSTEAL_FILE = count("vm.pgsteal_file", "Pages of files reclaimed.");
    VM_PGSCAN_KSWAPD = count("vm.pgscan_kswapd", "Pages looked at in the background to be reclaimed.");
    VM_PGSCAN_DIRECT = count("vm.pgscan_direct", "Pages looked at to be reclaimed while a program waited.");
    VM_PGSCAN_KHUGEPAGED = count("vm.pgscan_khugepaged", "Pages looked at to be reclaimed for huge pages.");
    VM_PGSCAN_PROACTIVE = count("vm.pgscan_proactive", "Pages looked at to be reclaimed on request.");
    VM_PGSCAN_DIRECT_THROTTLE = count("vm.pgscan_direct_throttle", "Times that a program had to wait for reclaim.");
    VM_PGSCAN_ANON = count("vm.pgscan_anon", "Pages of programs looked at to be reclaimed.");
    VM_PGSCAN_FILE = count("vm.pgscan_file", "Pages of files looked at to be reclaimed.");
    VM_ZONE_RECLAIM_SUCCESS = count("vm.zone_reclaim_success",
        "Times that reclaim on the node of the program was enough.");
    VM_ZONE_RECLAIM_FAILED = count("vm.zone_reclaim_failed",
        "Times that reclaim on the node of the program was not enough.");
    VM_PGINODESTEAL = count("vm.pginodesteal", "Pages reclaimed with inodes while a program waited.");
    VM_SLABS_SCANNED = count("vm.slabs_scanned", "Objects of the kernel looked at to be reclaimed.");
    VM_KSWAPD_INODESTEAL = count("vm.kswapd_inodesteal", "Pages reclaimed with inodes in the background.");
    VM_KSWAPD_LOW_WMARK_HIT_QUICKLY = count("vm.kswapd_low_wmark_hit_quickly",
        "Times that memory ran low soon after reclaim.");
    VM_KSWAPD_HIGH_WMARK_HIT_QUICKLY = count("vm.kswapd_high_wmark_hit_quickly",
        "Times that memory ran short soon after reclaim.");
    VM_PAGEOUTRUN = count("vm.pageoutrun", "Runs of the background reclaim.");
    VM_PGROTATED = count("vm.pgrotated", "Pages moved to the end of the inactive list once written.");
    VM_DROP_PAGECACHE = count("vm.drop_pagecache", "Times that somebody dropped the content of files.");
    VM_DROP_SLAB = count("vm.drop_slab", "Times that somebody dropped objects of the kernel.");
    VM_PGMIGRATE_SUCCESS = count("vm.pgmigrate_success", "Pages moved.");
    VM_PGMIGRATE_FAIL = count("vm.pgmigrate_fail", "Pages that could not be moved.");
    VM_THP_MIGRATION_SUCCESS = count("vm.thp_migration_success", "Huge pages moved.");
    VM_THP_MIGRATION_FAIL = count("vm.thp_migration_fail", "Huge pages that could not be moved.");
    VM_THP_MIGRATION_SPLIT = count("vm.thp_migration_split", "Huge pages split to be moved.");
    VM_COMPACT_MIGRATE_SCANNED = count("vm.compact_migrate_scanned", "Pages looked at to be moved together.");
    VM_COMPACT_FREE_SCANNED = count("vm.compact_free_scanned", "Free pages looked at to be moved together.");
    VM_COMPACT_ISOLATED = count("vm.compact_isolated", "Pages taken out to be moved together.");
    VM_COMPACT_STALL = count("vm.compact_stall", "Times that a program waited for pages to be moved together.");
    VM_COMPACT_FAIL = count("vm.compact_fail", "Times that moving pages together was in vain.");
    VM_COMPACT_SUCCESS = count("vm.compact_success", "Times that moving pages together made a huge page.");
    VM_COMPACT_DAEMON_WAKE = count("vm.compact_daemon_wake", "Runs of the background compaction.");
    VM_HTLB_BUDDY_ALLOC_SUCCESS = count("vm.htlb_buddy_alloc_success", "Huge pages added to a pool.");
    VM_HTLB_BUDDY_ALLOC_FAIL = count("vm.htlb_buddy_alloc_fail", "Huge pages that could not be added to a pool.");
    VM_UNEVICTABLE_PGS_CULLED = count("vm.unevictable_pgs_culled", "Pages found to be unevictable.");
    VM_UNEVICTABLE_PGS_SCANNED = count("vm.unevictable_pgs_scanned", "Unevictable pages looked at.");
    VM_UNEVICTABLE_PGS_RESCUED = count("vm.unevictable_pgs_rescued", "Pages that became evictable.");
    VM_UNEVICTABLE_PGS_MLOCKED = count("vm.unevictable_pgs_mlocked", "Pages that programs locked.");
    VM_UNEVICTABLE_PGS_MUNLOCKED = count("vm.unevictable_pgs_munlocked", "Pages that programs unlocked.");
    VM_UNEVICTABLE_PGS_CLEARED = count("vm.unevictable_pgs_cleared", "Locked pages that were freed.");
    VM_UNEVICTABLE_PGS_STRANDED = count("vm.unevictable_pgs_stranded",
        "Unlocked pages that could not be made evictable.");
    VM_THP_FAULT_ALLOC = count("vm.thp_fault_alloc", "Huge pages allocated on page faults.");
    VM_THP_FAULT_FALLBACK = count("vm.thp_fault_fallback", "Page faults that found no huge page.");
    VM_THP_COLLAPSE_ALLOC = count("vm.thp_collapse_alloc", "Huge pages allocated to join small ones.");
    VM_THP_COLLAPSE_ALLOC_FAILED = count("vm.thp_collapse_alloc_failed",
        "Huge pages that could not be allocated to join small ones.");
    VM_THP_FILE_ALLOC = count("vm.thp_file_alloc", "Huge pages allocated for files.");
    VM_THP_FILE_FALLBACK = count("vm.thp_file_fallback", "Files that found no huge page.");
    VM_THP_FILE_MAPPED = count("vm.thp_file_mapped", "Huge pages of files mapped into programs.");
    VM_THP_SPLIT_PAGE = count("vm.thp_split_page", "Huge pages split.");
    VM_THP_SPLIT_PAGE_FAILED = count("vm.thp_split_page_failed", "Huge pages that could not be split.");
    VM_THP_DEFERRED_SPLIT_PAGE = count("vm.thp_deferred_split_page", "Huge pages set aside to be split.");
    VM_THP_SPLIT_PMD = count("vm.thp_split_pmd", "Mappings of huge pages split.");
    VM_THP_ZERO_PAGE_ALLOC = count("vm.thp_zero_page_alloc", "Huge pages of zeroes allocated.");
    VM_THP_SWPOUT = count("vm.thp_swpout", "Huge pages written to swap whole.");
    VM_THP_SWPOUT_FALLBACK = count("vm.thp_swpout_fallback", "Huge pages split to be written to swap.");
    VM_BALLOON_INFLATE = count("vm.balloon_inflate", "Pages given back to the hypervisor.");
    VM_BALLOON_DEFLATE = count("vm.balloon_deflate", "Pages taken back from the hypervisor.");
    VM_SWAP_RA = count("vm.swap_ra", "Pages read ahead from swap.");
    VM_SWAP_RA_HIT = count("vm.swap_ra_hit", "Pages read ahead from swap that were needed.");
    VM_KSM_SWPIN_COPY = count("vm.ksm_swpin_copy", "Shared pages copied when read from swap.");
    VM_COW_KSM = count("vm.cow_ksm", "Shared pages copied because somebody wrote.");
    VM_ZSWPIN = count("vm.zswpin", "Pages read from compressed swap.");
    VM_ZSWPOUT = count("vm.zswpout", "Pages written to compressed swap.");
    VM_ZSWPWB = count("vm.zswpwb", "Pages moved from compressed swap to a device.");
    VM_DIRECT_MAP_LEVEL2_SPLITS = count("vm.direct_map_level2_splits", "Mappings of the kernel split to 4 KiB pages.");
    VM_DIRECT_MAP_LEVEL3_SPLITS = count("vm.direct_map_level3_splits", "Mappings of the kernel split to 2 MiB pages.");
}

const fn bytes(name: &'static str, help: &'static str) -> Metric {
    Metric::gauge(name, Unit::Bytes, help)
}

const fn count(name: &'static str, help: &'static str) -> Metric {
    Metric::counter(name, Unit::Count, help)
}

const fn percent(name: &'static str, of: &'static [Term], over: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::Percent, Formula::Ratio { of, over, scale: 100.0 }, help)
}

/// The growth of counters in a second.
const fn rate(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::CountPerSecond, Formula::Rate { of, scale: 1.0 }, help)
}

const IN_USE: &[Term] = &[Term::plus("memory.total"), Term::minus("memory.available")];
const SWAP_IN_USE: &[Term] = &[Term::plus("swap.total"), Term::minus("swap.free")];
const FAULT: &str = "system.paging.fault.type";
const PAGING: &str = "system.paging.direction";
const PAGING_STATE: &str = "system.paging.state";
const SLAB_STATE: &str = "system.memory.linux.slab.state";
const STATE: &str = "system.memory.state";
