package dev.sanway.integration;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The walls of docs/architecture.md. */
class ArchitectureTest {

    private static JavaClasses classes;

    @BeforeAll
    static void load() {
        classes = new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .withImportOption(location -> !location.contains("/test-classes/") && !location.contains("-tests.jar"))
                .importPackages("dev.sanway");
    }

    @Test
    void arrowsRunOneWay() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("block-backend")
                .definedBy(
                        "dev.sanway.file..",
                        "dev.sanway.block..",
                        "dev.sanway.scsi..",
                        "dev.sanway.iscsi..",
                        "dev.sanway.initiator..")
                .layer("inband-router")
                .definedBy(
                        "dev.sanway.pool..",
                        "dev.sanway.volume..",
                        "dev.sanway.recovery..",
                        "dev.sanway.metadata..",
                        "dev.sanway.autoconfig..")
                .layer("gateway")
                .definedBy(
                        "dev.sanway.target..",
                        "dev.sanway.unit..",
                        "dev.sanway.config..",
                        "dev.sanway.control..",
                        "dev.sanway.bench..",
                        "dev.sanway.cli..",
                        "dev.sanway.app..")
                .whereLayer("gateway")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("inband-router")
                .mayOnlyBeAccessedByLayers("gateway")
                .check(classes);
    }

    @Test
    void theRouterSeesNeitherIscsiNorScsi() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        "dev.sanway.pool..",
                        "dev.sanway.volume..",
                        "dev.sanway.recovery..",
                        "dev.sanway.metadata..",
                        "dev.sanway.autoconfig..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.sanway.iscsi..", "dev.sanway.scsi..", "dev.sanway.initiator..")
                .check(classes);
    }

    @Test
    void autoConfigurationKnowsNothingButThePool() {
        noClasses()
                .that()
                .resideInAPackage("dev.sanway.autoconfig..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.sanway.volume..", "dev.sanway.metadata..", "dev.sanway.block..")
                .check(classes);
    }

    @Test
    void recoveryIsSeenByNoOtherPartOfTheRouter() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        "dev.sanway.pool..", "dev.sanway.volume..", "dev.sanway.metadata..", "dev.sanway.autoconfig..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sanway.recovery..")
                .check(classes);
    }

    @Test
    void theTargetDoesNotSeeTheRouter() {
        noClasses()
                .that()
                .resideInAnyPackage("dev.sanway.target..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.sanway.pool..",
                        "dev.sanway.volume..",
                        "dev.sanway.recovery..",
                        "dev.sanway.metadata..",
                        "dev.sanway.autoconfig..",
                        "dev.sanway.initiator..",
                        "dev.sanway.config..",
                        "dev.sanway.control..")
                .check(classes);
    }

    @Test
    void blockDevicesKnowNoProtocol() {
        noClasses()
                .that()
                .resideInAPackage("dev.sanway.block..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.sanway.iscsi..", "dev.sanway.scsi..", "dev.sanway.initiator..")
                .check(classes);
        noClasses()
                .that()
                .resideInAPackage("dev.sanway.scsi..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.sanway.iscsi..", "dev.sanway.initiator..")
                .check(classes);
    }

    @Test
    void noJscsiAndNoForbiddenLibraryInProduction() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.jscsi..", "org.springframework..", "org.mockito..", "lombok..")
                .check(classes);
    }

    @Test
    void packagesAreFreeOfCycles() {
        slices().matching("dev.sanway.(*)..").should().beFreeOfCycles().check(classes);
    }
}
