package dev.sanway.control;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.PoolState;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/** Why a unit's LUN is refused, and what an operator can do about it, in one line each. */
record LunAdvice(String unit, int lun) {

    private String adopt() {
        return "sanway unit adopt " + unit + " --lun " + lun + " --erase";
    }

    String foreign(String explanation, boolean erasable) {
        return explanation + "; nothing is written to it. "
                + (erasable
                        ? "To lose what it holds and give it to the pool: " + adopt()
                        : "If it may be lost, zero its first and last MiB at the unit itself");
    }

    String anotherPool(UUID pool) {
        return "it belongs to another pool, " + pool + ", whose label is never overwritten. If that pool is gone, zero "
                + "its first MiB at the unit itself; else leave LUN " + lun + " out of the unit's \"luns\"";
    }

    String anotherDisk(UUID found, UUID wanted) {
        return "it is another disk than before: label " + found + " instead of " + wanted
                + "; nothing is written to it. Connect the right one";
    }

    String lostLabel() {
        return "it lost its label: it was erased or replaced; nothing is written to it. Connect the right disk, or, if "
                + "that one is lost, give this one to the pool: " + adopt();
    }

    /** A label of this pool that is not believed, or a blank LUN in the place of one in use. */
    String objection(String why) {
        if (why.startsWith("it was given up as lost")) {
            return why + "; nothing is written to it. To lose what it holds and give it to the pool again: " + adopt();
        }
        return why + "; nothing is written to it. Connect the right disk"
                + (why.startsWith("it is blank")
                        ? ", or, if that one is lost, give this one to the pool: " + adopt()
                        : ", or, if it may be lost, zero its first MiB at the unit itself");
    }

    /** The volumes that count on a disk that was here. */
    String lostWith(Catalog catalog, PoolState pool) {
        List<String> volumes = catalog.unitVolumes().stream()
                .map(UnitVolumeRecord::unitVolume)
                .filter(former -> former.unit().equals(unit) && former.lun() == lun)
                .filter(former -> !pool.attached().contains(former.label()))
                .flatMap(former -> pool.keptOn(former.label()).stream())
                .flatMap(partition -> Stream.ofNullable(partition.owner()))
                .flatMap(owner -> catalog.volume(owner.volume()).map(VolumeRecord::name).stream())
                .distinct()
                .toList();
        return volumes.isEmpty()
                ? ""
                : "; " + String.join(", ", volumes) + " had data on the disk that was here, which cannot be got back "
                        + "afterwards if this is that disk";
    }

    static String newer(int version) {
        return "its label has format " + version + ", of a newer sanway: run that one";
    }
}
